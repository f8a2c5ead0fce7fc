"""Tests the command `chorus` as a user runs it.

    command_test.py CHORUS [--compiler CXX --include FOLDER] [--mpirun "mpirun -n 2"]

The compiler builds a plugin; without one, or without mpirun, those tests are skipped.
"""
import argparse
import csv
import io
import json
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

OPTIONS = None

FINE, WRONG_RESULT, WRONG_USAGE, WRONG_ENVIRONMENT = 0, 1, 2, 3
QUICK = ("--iterations", "5", "--bytes", "64,4K")
FIELDS = ["collective", "algorithm", "chosen", "transport", "ranks", "bytes", "type", "buffers", "iterations", "min_us",
          "median_us", "p99_us", "alg_GBps", "bus_GBps", "bound_percent", "correct"]

# The second half folds where it should replace.
BROKEN = r"""
#include <chorus/plugin.hpp>
struct twice {
    void operator()(auto& sink, chorus::slice_list const& data) const {
        auto const next = chorus::mod(sink.rank() + 1, sink.size()), prev = chorus::mod(sink.rank() - 1, sink.size());
        for (int step = 0; step < 2 * (sink.size() - 1); ++step) {
            sink.send(next, data.part(sink.rank() - step, sink.size()));
            sink.recv_reduce(prev, data.part(sink.rank() - step - 1, sink.size()));
        }
    }
};
struct late { // a ring; but twice where that is beyond what is proven
    void operator()(auto& sink, chorus::slice_list const& data) const {
        if (sink.size() > 64) return twice{}(sink, data);
        auto const next = chorus::mod(sink.rank() + 1, sink.size()), prev = chorus::mod(sink.rank() - 1, sink.size());
        for (int step = 0; step < 2 * (sink.size() - 1); ++step) {
            sink.send(next, data.part(sink.rank() - step, sink.size()));
            auto const part = data.part(sink.rank() - step - 1, sink.size());
            if (step < sink.size() - 1) sink.recv_reduce(prev, part);
            else sink.recv(prev, part);
        }
    }
};
struct waits_for_itself { // in place, both receive before they have sent
    void operator()(auto& sink, chorus::slice_list const& data) const {
        auto const other = sink.rank() ^ 1;
        if (other >= sink.size()) return;
        sink.recv_reduce(other, data);
        sink.send(other, data);
    }
};
extern "C" void chorus_plugin(chorus::plugin_catalogue& to) {
    to.add<chorus::collective::all_reduce>("twice", twice{});
    to.add<chorus::collective::all_reduce>("late", late{});
    to.add<chorus::collective::all_reduce>("waits_for_itself", waits_for_itself{});
}
"""


def chorus(*words, before=()):
    return subprocess.run([*before, OPTIONS.chorus, *words], capture_output=True, text=True, timeout=240)


class Test(unittest.TestCase):
    def succeeds(self, *words, **more):
        done = chorus(*words, **more)
        self.assertEqual(done.returncode, FINE, done.stderr)
        return done.stdout

    def fails(self, status, pattern, *words, **more):
        """Says one line, which is about that."""
        done = chorus(*words, **more)
        said = [line for line in done.stderr.splitlines() if line.startswith("chorus: ")]
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(said), 1, done.stderr)
        self.assertRegex(said[0], pattern)
        return done


class Everything(Test):
    def test_help_and_version(self):
        self.assertRegex(self.succeeds("--version"), r"^chorus \d+\.\d+\.\d+\n$")
        for words in ([], ["list"], ["show"], ["verify"], ["bench"], ["run"], ["plan"], ["simulate"], ["tune"]):
            text = self.succeeds(*words, "--help")
            self.assertLess(len(text.splitlines()), 45)

    def test_a_wrong_word_is_answered_with_those_that_are_right(self):
        self.fails(WRONG_USAGE, r"no command given; allowed are list, show, verify, bench, run")
        self.fails(WRONG_USAGE, r"'nix' is no command; allowed are list", "nix")
        self.fails(WRONG_USAGE, r"'--bites' is not allowed; allowed are .*--bytes", "bench", "--bites", "3")
        self.fails(WRONG_USAGE, r"no more arguments", "list", "all_reduce", "ring", "x")


class Tune(Test):
    def test_the_machine_is_measured_into_a_file_that_keeps_other_ranks(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "below" / "tuning"
            for ranks in ("2", "3"):
                said = self.succeeds("tune", "--ranks", ranks, "--collective", "all_reduce,all_gather", "--bytes", "8,4K", "--milliseconds", "1",
                                     "--out", str(file))
                self.assertRegex(said, rf"{ranks} ranks, threads: latency [\d.]+ us")
                self.assertRegex(said, r"all_reduce +4096 +\w+ +[\d.]+")
                self.assertIn(f"written to {file}", said)
            text = file.read_text()
            self.assertRegex(text, r"^chorus-tuning 1\nmachine .*\n")
            self.assertEqual(re.findall(r"section threads (\d)", text), ["2", "3"])
            self.assertRegex(text, r"time all_gather 4096 ring \S+\n")
            self.assertRegex(text, r"end \d+\n$")

    def test_wrong_words(self):
        self.fails(WRONG_USAGE, r"--transport: 'tcp' is not allowed; allowed are threads, shm, mpi", "tune", "--transport", "tcp")
        self.fails(WRONG_ENVIRONMENT, r"/proc/nix/tuning cannot be written", "tune", "--ranks", "1", "--collective", "barrier", "--out", "/proc/nix/tuning")


class List(Test):
    def test_the_nine_of_the_mission_are_there(self):
        listed = json.loads(self.succeeds("list", "--format", "json"))["algorithms"]
        names = {(each["collective"], each["algorithm"]) for each in listed}
        for what in ("all_reduce", "all_gather", "all_to_all"):
            for how in ("ring", "tree", "hierarchical"):
                self.assertIn((what, how), names)
        for each in listed:
            self.assertTrue(each["cost"] and each["source"], each)

    def test_one_collective_as_a_table(self):
        text = self.succeeds("list", "all_reduce")
        self.assertRegex(text, r"ring +any p, commutative operators only: 2\(p-1\) rounds")
        self.assertNotIn("all_gather", text)

    def test_wrong_words(self):
        self.fails(WRONG_USAGE, r"COLLECTIVE: 'nix'.*all_reduce, all_gather", "list", "nix")
        self.fails(WRONG_USAGE, r"--format: 'xml'.*table, json", "list", "--format", "xml")


class Show(Test):
    def test_text_has_the_diagram_and_the_table(self):
        text = self.succeeds("show", "all_reduce", "ring", "--ranks", "5")
        self.assertIn("round 8", text)
        self.assertRegex(text, r"0 +send +to 1 +input part 0/5")
        self.assertEqual(len(re.findall(r"^rank \d$", text, re.MULTILINE)), 5)

    def test_one_rank_and_its_elements(self):
        text = self.succeeds("show", "all_reduce", "ring", "--ranks", "4", "--rank", "2", "--count", "10", "--format", "table")
        self.assertEqual(re.findall(r"^rank (\d)$", text, re.MULTILINE), ["2"])
        self.assertRegex(text, r"RANK +MESSAGES +SENT +RECEIVED.*\n +2 +6 +15 +15")
        self.assertRegex(text, r"1/4 +2/4|1/4 +1/2")

    def test_json_says_everything(self):
        data = json.loads(self.succeeds("show", "all_gather", "tree", "--ranks", "3", "--format", "json", "--count", "7"))
        self.assertEqual(len(data["schedules"]), 3)
        self.assertEqual(data["count"], 7)
        self.assertTrue(all(step["elements"] % 7 == 0 for step in data["schedules"][0]["steps"]))

    def test_pictures(self):
        root = xml.etree.ElementTree.fromstring(self.succeeds("show", "broadcast", "chain", "--root", "1", "--format", "svg"))
        self.assertTrue(root.tag.endswith("svg"))
        self.assertTrue(self.succeeds("show", "scan", "doubling", "--format", "dot").startswith("digraph"))

    def test_into_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ring.svg"
            self.assertEqual(self.succeeds("show", "all_reduce", "ring", "--format", "svg", "--out", str(file)), "")
            self.assertIn("<svg", file.read_text(encoding="utf-8"))
        self.fails(WRONG_ENVIRONMENT, "cannot write '/nix/x'", "show", "all_reduce", "ring", "--out", "/nix/x")

    def test_options_of_algorithms(self):
        self.assertIn("radix=3", self.succeeds("show", "all_to_all", "bruck", "--option", "radix=3"))
        self.assertIn("group_of=0+0+1+1+1", self.succeeds("show", "all_reduce", "hierarchical", "--ranks", "5", "--groups", "2,3"))
        self.assertIn("2 segments", self.succeeds("show", "all_reduce", "tree", "--segments", "2"))
        self.assertIn("group_of=0+0+1+1", self.succeeds("show", "all_to_all", "hierarchical"))

    def test_wrong_words(self):
        for pattern, *words in (
            (r"all_reduce has no algorithm 'nix'; allowed are ring, tree", "all_reduce", "nix"),
            (r"--ranks: '0'.*whole numbers from 1", "all_reduce", "ring", "--ranks", "0"),
            (r"--ranks: 'x'.*whole numbers from 1", "all_reduce", "ring", "--ranks", "x"),
            (r"--root: '4'.*from 0 to 3", "broadcast", "binomial", "--root", "4"),
            (r"no option 'radix' here; allowed are segments", "all_reduce", "ring", "--option", "radix=4"),
            (r"KEY=VALUE", "all_reduce", "ring", "--option", "radix"),
            (r"4 ranks in all, allowed are 5", "all_reduce", "hierarchical", "--ranks", "5", "--groups", "2,2"),
            (r"no schedule to show", "all_reduce", "native"),
            (r"allowed with --format text", "all_reduce", "ring", "--format", "svg", "--count", "3"),
            (r"ALGORITHM is required", "all_reduce"),
        ):
            with self.subTest(words=words):
                self.fails(WRONG_USAGE, pattern, "show", *words)


class Verify(Test):
    def test_the_catalogue_is_right(self):
        data = json.loads(self.succeeds("verify", "--max-ranks", "9", "--format", "json"))
        self.assertTrue(data["correct"])
        self.assertGreater(len(data["algorithms"]), 35)
        ring = next(each for each in data["algorithms"] if (each["collective"], each["algorithm"]) == ("all_reduce", "ring"))
        self.assertEqual((ring["rounds"], ring["messages"], ring["formula"]), (16, 16, "equal"))
        self.assertFalse(ring["keeps_order"])

    def test_one_of_it_as_a_table(self):
        text = self.succeeds("verify", "all_reduce", "two_shot", "--max-ranks", "5")
        self.assertRegex(text, r"all_reduce +two_shot +\d+ +kept +2 +8 .* equal +\d+ +\d +yes")
        self.assertRegex(text, r"1 algorithms on 1 to 5 ranks, \d+ shapes: none wrong")

    def test_wrong_words(self):
        self.fails(WRONG_USAGE, "no schedule to be proven", "verify", "all_reduce", "native")
        self.fails(WRONG_USAGE, "--max-ranks: '0'", "verify", "--max-ranks", "0")


class Bench(Test):
    def bench(self, *words, **more):
        return json.loads(self.succeeds("bench", "--format", "json", "--iterations", "5", *words, **more))

    def test_every_collective_type_and_mode_of_buffers_is_right(self):
        everything = "all_reduce,all_gather,all_to_all,reduce_scatter,broadcast,reduce,gather,scatter,scan,exclusive_scan,barrier"
        for kind, mode, op in (("float", "warm", "sum"), ("uint8", "cold", "prod"), ("bfloat16", "rewritten", "avg"),
                               ("int64", "rewritten", "max"), ("float16", "warm", "sum"), ("double", "warm", "min"),
                               ("int32", "warm", "avg")):
            with self.subTest(type=kind, buffers=mode):
                data = self.bench("--collective", everything, "--algorithm", "auto", "--ranks", "3", "--bytes", "48,1536",
                                  "--type", kind, "--buffers", mode, "--op", op)
                self.assertGreaterEqual(len(data["results"]), 17)
                for each in data["results"]:
                    self.assertTrue(each["correct"], each)
                    self.assertEqual(list(each), FIELDS)

    def test_figures_as_nccl_tests_defines_them(self):
        data = self.bench("--bytes", "64,4K", "--ranks", "4", "--algorithm", "ring,tree,hierarchical", "--groups", "2,2")
        self.assertEqual(data["environment"]["transport"], "threads")
        self.assertEqual(len(data["results"]), 3 * 3 * 2)
        factor = {"all_reduce": 1.5, "all_gather": 0.75, "all_to_all": 0.75}
        for each in data["results"]:
            self.assertTrue(each["correct"], each)
            self.assertAlmostEqual(each["alg_GBps"], each["bytes"] / each["median_us"] / 1000, delta=1e-3 * each["alg_GBps"])
            self.assertAlmostEqual(each["bus_GBps"], each["alg_GBps"] * factor[each["collective"]], delta=1e-3 * each["alg_GBps"])
            self.assertLessEqual(each["min_us"], each["median_us"])
            self.assertLessEqual(each["median_us"], each["p99_us"])
            self.assertEqual(each["iterations"], 5)
            if each["algorithm"] == "hierarchical":
                self.assertIn("group_of=0+0+1+1", each["chosen"])

    def test_auto_says_what_it_chose(self):
        for each in self.bench("--bytes", "64,4K", "--ranks", "2", "--algorithm", "auto")["results"]:
            self.assertNotIn(each["chosen"], ("auto", ""))

    def test_csv_and_every_sample(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "raw.csv"
            text = self.succeeds("bench", *QUICK, "--ranks", "2", "--algorithm", "ring,tree:segments=2,ring", "--collective", "all_reduce",
                                 "--format", "csv", "--raw", str(file))
            rows = list(csv.DictReader(io.StringIO(text)))
            self.assertEqual(list(rows[0]), FIELDS)
            self.assertEqual([each["algorithm"] for each in rows[:3]], ["ring", "tree:segments=2", "ring"])
            samples = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
            self.assertEqual(len(samples), 5 * len(rows))
            self.assertTrue(all(float(each["us"]) >= 0 for each in samples))

    def test_ranks_as_processes(self):
        for memory in ("private", "shared"):
            text = self.succeeds("bench", "--iterations", "5", "--transport", "shm", "--ranks", "3", "--bytes", "12,96K", "--memory", memory,
                                 "--collective", "all_reduce", "--format", "json")
            data = json.loads(text)
            self.assertEqual(data["environment"]["transport"], "shm")
            self.assertTrue(all(each["correct"] and each["ranks"] == 3 for each in data["results"]))
        self.fails(WRONG_USAGE, r"groups have 3 ranks in all, allowed are 2", "bench", "--transport", "shm", "--ranks", "2",
                   "--algorithm", "hierarchical", "--groups", "1,2")

    def test_a_table_and_no_progress_in_a_pipe(self):
        done = chorus("bench", *QUICK, "--ranks", "2", "--collective", "all_reduce", "--algorithm", "ring")
        self.assertEqual((done.returncode, done.stderr), (FINE, ""))
        self.assertEqual(len(re.findall(r"^all_reduce +ring .* yes$", done.stdout, re.MULTILINE)), 2)

    def test_what_a_collective_does_not_have_is_skipped(self):
        done = chorus("bench", *QUICK, "--ranks", "2", "--algorithm", "ring,rabenseifner,native")
        self.assertEqual(done.returncode, FINE, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 5, lines)
        self.assertIn("chorus: skipped: all_gather has no rabenseifner", lines)
        self.assertEqual(sum("native" in line for line in lines), 3)

    def test_sizes_of_a_range_that_cannot_be_cut_are_skipped(self):
        done = chorus("bench", "--iterations", "5", "--ranks", "4", "--bytes", "8:64:8", "--algorithm", "ring", "--format", "csv")
        self.assertEqual(done.returncode, FINE, done.stderr)
        self.assertEqual(len(list(csv.DictReader(io.StringIO(done.stdout)))), 4)
        self.assertIn("skipped: 8 bytes cannot be cut into 4 blocks of float for all_gather", done.stderr)

    def test_wrong_words(self):
        for pattern, *words in (
            (r"--collective: 'nix'.*all_reduce", "--collective", "nix"),
            (r"no algorithm 'nix'; allowed are auto, ring", "--algorithm", "nix"),
            (r"--transport: 'tcp'.*threads, shm, mpi, hosts, verbs", "--transport", "tcp"),
            (r"--memory: 'cold'.*private, shared", "--memory", "cold"),
            (r"--type: 'complex'.*float, double", "--type", "complex"),
            (r"--op: 'nix'.*sum, prod, min, max, avg", "--op", "nix"),
            (r"--buffers: 'hot'.*warm, rewritten, cold", "--buffers", "hot"),
            (r"--format: 'xml'.*table, csv, json", "--format", "xml"),
            (r"--iterations: '0'", "--iterations", "0"),
            (r"--ranks: '0'", "--ranks", "0"),
            (r"--bytes: '8:4:2'.*from <= to", "--bytes", "8:4:2"),
            (r"--bytes: '1X'.*64K", "--bytes", "1X"),
            (r"--bytes: 6 bytes cannot be cut into float elements for all_reduce; allowed are multiples of 4", "--bytes", "6"),
            (r"--bytes: 8 bytes cannot be cut into 4 blocks of float for all_gather; allowed are multiples of 16", "--bytes", "8"),
            (r"groups have 3 ranks in all, allowed are 4", "--algorithm", "hierarchical", "--groups", "1,2"),
        ):
            with self.subTest(words=words):
                self.fails(WRONG_USAGE, pattern, "bench", *words)
        self.fails(WRONG_ENVIRONMENT, "--raw: cannot write '/nix/x'", "bench", "--raw", "/nix/x")

    def test_auto_with_a_tuning_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "tuning")
            self.succeeds("tune", "--transport", "shm", "--ranks", "2", "--collective", "all_reduce", "--bytes", "1M", "--milliseconds", "1",
                          "--memory", "shared", "--out", file)
            times = re.findall(r"^time all_reduce 1048576 (\w+) (\S+)$", Path(file).read_text(), re.MULTILINE)
            bench = ("bench", "--transport", "shm", "--memory", "shared", "--iterations", "5", "--bytes", "1M", "--collective", "all_reduce",
                     "--algorithm", "auto", "--format", "json", "--tuning", file)
            row = json.loads(self.succeeds(*bench, "--ranks", "2"))["results"][0]
            self.assertTrue(row["correct"])
            self.assertEqual(row["chosen"].split(":")[0], min(times, key=lambda each: float(each[1]))[0])
            self.fails(WRONG_USAGE, "--tuning: .* says nothing of these ranks", *bench, "--ranks", "3")

    def test_nothing_measured_is_no_success(self):
        done = chorus("bench", *QUICK, "--ranks", "2", "--collective", "all_reduce", "--algorithm", "native")
        self.assertEqual(done.returncode, WRONG_USAGE, done.stdout)
        self.assertRegex(done.stderr, r"skipped: all_reduce native: .*\nchorus: nothing was measured")

    def test_forced_algorithms_that_nobody_can_read(self):
        done = chorus("bench", *QUICK, "--ranks", "2", before=["env", "CHORUS_ALGORITHM=nonsense"])
        self.assertEqual((done.returncode, done.stdout), (WRONG_USAGE, ""))
        self.assertRegex(done.stderr, r"CHORUS_ALGORITHM: 'nonsense': no collective")


# What a rank is asked to do is its first argument.
RANK = r"""
#include <chorus/chorus.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>
int main(int argc, char** argv) {
    std::string const what = argc > 1 ? argv[1] : "";
    chorus::session session;
    auto comm = session.world();
    std::vector<int> sum(1, comm.rank() + 1);
    chorus::all_reduce(comm, sum);
    if (comm.rank() == 0) std::printf("sum %d, %d arguments\n", sum[0], argc - 1), std::fflush(stdout);
    if (what == "die" && comm.rank() == 1) std::raise(SIGKILL);
    if (what == "status" && comm.rank() == 1) return 7;
    if (what == "wait") std::this_thread::sleep_for(std::chrono::seconds(100));
    chorus::barrier(comm);
}
"""


class Run(Test):
    @classmethod
    def setUpClass(cls):
        if not OPTIONS.compiler:
            raise unittest.SkipTest("no compiler given")
        cls.folder = tempfile.TemporaryDirectory()
        source, cls.program = Path(cls.folder.name, "rank.cpp"), str(Path(cls.folder.name, "rank"))
        source.write_text(RANK, encoding="utf-8")
        subprocess.run([OPTIONS.compiler, "-std=c++20", "-O0", "-I", OPTIONS.include, str(source), "-o", cls.program, "-pthread"], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_ranks_find_each_other_and_have_their_arguments(self):
        for ranks, total in ((1, 1), (4, 10), (16, 136)):
            self.assertEqual(self.succeeds("run", "-n", str(ranks), self.program, "-n", "--help"), f"sum {total}, 2 arguments\n")

    def test_a_rank_that_is_killed_is_named_and_the_others_end(self):
        done = chorus("run", "-n", "3", self.program, "die")
        self.assertEqual(done.returncode, 128 + 9)
        self.assertIn("chorus: run: rank 1 was killed by signal 9 (Killed)", done.stderr)
        self.assertRegex(done.stderr, r"what\(\): .* rank 1 (died|was killed by signal 9)")  # who tells them first: the system or the launcher

    def test_the_status_is_that_of_the_first_rank_that_failed(self):
        done = chorus("run", "-n", "3", self.program, "status")
        self.assertEqual(done.returncode, 7)
        self.assertIn("chorus: run: rank 1 ended with status 7", done.stderr)

    def test_signals_are_passed_on_and_nothing_is_left(self):
        started = subprocess.Popen([OPTIONS.chorus, "run", "-n", "2", self.program, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(started.stdout.readline(), "sum 3, 1 arguments\n")
        started.terminate()
        started.communicate(timeout=30)
        self.assertEqual(started.returncode, 128 + 15)
        self.assertEqual(subprocess.run(["pgrep", "-f", self.program], capture_output=True).stdout, b"")

    def test_ranks_that_are_started_twice_meet_over_tcp(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            where = f"127.0.0.1:{free.getsockname()[1]}/word"
        second = subprocess.Popen([OPTIONS.chorus, "run", "-n", "2", "--first", "1", "--of", "3", "--store", where, self.program], stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.succeeds("run", "-n", "1", "--of", "3", "--store", where, self.program), "sum 6, 0 arguments\n")
        self.assertEqual(second.communicate(timeout=30), ("", None))
        self.assertEqual(second.returncode, 0)
        self.fails(WRONG_USAGE, r"ranks 2 to 3 are not among 3", "run", "-n", "2", "--first", "2", "--of", "3", "--store", where, self.program)
        self.fails(WRONG_USAGE, r"need a --store", "run", "-n", "2", "--of", "3", self.program)
        self.fails(WRONG_USAGE, r"is no HOST:PORT/KEY", "run", "--store", "here", self.program)

    def test_wrong_words(self):
        self.fails(WRONG_USAGE, r"--ranks: '0'", "run", "-n", "0", self.program)
        done = chorus("run", "-n", "2", "/no/such/program")
        self.assertEqual(done.returncode, 127)
        self.assertIn("cannot start /no/such/program", done.stderr)


class Plan(Test):
    def test_a_permutation_is_planned_to_its_optimum(self):
        said = json.loads(self.succeeds("plan", "--topology", "fat-tree:k=8", "--format", "json"))
        self.assertEqual(list(said)[:11], ["topology", "endpoints", "flows", "policy", "plan_ms", "max_load", "lower_bound",
                                           "gap", "optimal", "mean_rate", "makespan_efficiency"])
        self.assertEqual((said["endpoints"], said["max_load"], said["gap"], said["optimal"]), (128, 1, 0, True))
        self.assertRegex(self.succeeds("plan", "--topology", "fat-tree:k=8"), r"gap +0\.0 %")
        self.assertAlmostEqual(said["makespan_efficiency"], 1, 6)

    def test_a_plan_is_kept_and_changed_where_a_link_dies(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/plan.json"
            self.succeeds("plan", "--topology", "fat-tree:k=8", "--out", path)
            said = json.loads(self.succeeds("plan", "--plan", path, "--fail", "pod0.edge0--pod0.agg1", "--format", "json"))
            self.assertIn(said["changed_paths"], range(1, 5))
            self.assertTrue(said["optimal"])
            self.assertGreater(said["load_ms"], 0)
            self.fails(WRONG_USAGE, "'nix' is no link", "plan", "--plan", path, "--fail", "nix")
            self.fails(WRONG_USAGE, f"{folder}: cannot be read as a file", "plan", "--plan", folder)
            self.fails(WRONG_USAGE, "/network: should be fat-tree:k=4", "plan", "--plan", path, "--topology", "fat-tree:k=4")
            with open(path, "a", encoding="utf-8") as file:
                file.write("]")
            self.fails(WRONG_USAGE, r"plan.json:\d+: is no JSON", "plan", "--plan", path)

    def test_what_a_plan_claims_is_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/plan.json"
            said = json.loads(self.succeeds("plan", "--topology", "fat-tree:k=4", "--out", path, "--format", "json"))
            self.assertEqual(said["cut"]["links"], len(said["cut"]["names"]))
            self.assertIn("right: 16 flows, maximum load 1, and no plan has less", self.succeeds("plan", "--plan", path, "--check"))
            self.fails(WRONG_USAGE, "--check is for a --plan as it is", "plan", "--plan", path, "--check", "--fail", "3")
            self.fails(WRONG_USAGE, "--check is for a --plan as it is", "plan", "--topology", "fat-tree:k=4", "--check")
            plan = json.loads(Path(path).read_text())
            good = plan["certificate"]
            elsewhere = next(route for route in range(4) if route != plan["paths"][0][1])
            for pattern, changed in (
                ("the cut proves a lower bound of 1.0+, not 2", {"certificate": {**good, "lower_bound": 2}}),
                ("the maximum load is 1.0+, not 0.5", {"certificate": {**good, "max_load": 0.5}}),
                ("the maximum load is 2.0+, not 1", {"paths": [[0, elsewhere, 1.0], *plan["paths"][1:]]}),
                ("is said to have no path; there is one", {"paths": [[0, None, 1.0], *plan["paths"][1:]]}),
                ("is dead", {"network": {"topology": "fat-tree:k=4", "health": [{"link": "host0->pod0.edge0", "health": 0}]}}),
            ):
                Path(path).write_text(json.dumps({**plan, **changed}))
                done = chorus("plan", "--plan", path, "--check")
                self.assertEqual(done.returncode, 1, pattern)
                self.assertRegex(done.stdout, "wrong: .*" + pattern)
            self.succeeds("plan", "--topology", "fat-tree:k=4", "--policy", "spray", "--out", path)
            self.fails(WRONG_USAGE, 'should be an object with "certificate"', "plan", "--plan", path, "--check")
            self.succeeds("plan", "--job", str(Path(__file__).parents[2] / "examples/network/two-jobs.json"), "--out", path)
            self.assertEqual(self.succeeds("plan", "--plan", path, "--check").count(": right: "), 2)

    def test_nothing_is_optimal_where_flows_do_not_arrive(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/plan.json"
            def figures(*words):
                return json.loads(self.succeeds("plan", "--plan", path, *words, "--format", "json"))
            self.succeeds("plan", "--topology", "fat-tree:k=4", "--out", path)
            said = figures("--fail", "0")  # the cable of an endpoint
            self.assertEqual((said["optimal"], said["unreachable"]), (False, 2))
            self.assertEqual(said["topology"], "fat-tree:k=4 with 2 dead and 0 slow of 96 links")
            plan = json.loads(Path(path).read_text())
            for share, paths in ((1, None), (0.9995, plan["paths"])):
                changed = {**plan, "paths": [[f, route if paths else None, share] for f, route, _ in plan["paths"]]}
                Path(path).write_text(json.dumps(changed))
                said = figures()
                self.assertEqual((said["optimal"], said["gap"]), (False, None))
                self.assertEqual(said.get("unreachable", 0), 0 if paths else 16)
            Path(path).write_text(json.dumps({**plan, "policy": "magic"}))
            self.fails(WRONG_USAGE, r"plan.json: /policy: there is no policy 'magic'; allowed are ecmp", "plan", "--plan", path)

    def test_a_job_is_planned_phase_by_phase_or_together(self):
        with tempfile.TemporaryDirectory() as folder:
            job, path = folder + "/job.json", folder + "/plan.json"
            pairs = '{"kind": "messages", "name": "%s", "first": %d, "ranks": 8, "messages": [[[0, 4, 5], [1, 5, 5]], [[2, 6, 5], [3, 7, 5]]]}'
            with open(job, "w", encoding="utf-8") as file:
                file.write('{"topology": "leaf-spine:leaves=4,spines=4,hosts=4", "jobs": [%s, %s]}' % (pairs % ("a", 0), pairs % ("b", 8)))
            said = json.loads(self.succeeds("plan", "--job", job, "--policy", "nslb:paths=fixed", "--out", path, "--format", "json"))
            self.assertEqual([p["name"] for p in said["phases"]], ["a: messages, phase 1", "a: messages, phase 2", "b: messages, phase 1", "b: messages, phase 2"])
            for key in ("topology", "endpoints", "flows", "policy", "plan_ms", "max_load", "lower_bound", "gap", "mean_rate", "makespan_efficiency"):
                self.assertIn(key, said["phases"][0])
            self.assertEqual((said["together"]["strands"], said["together"]["max_load"], said["together"]["gap"]), (2, 1, 0))
            self.assertIn("lower bound 1, gap 0.0 %", self.succeeds("plan", "--plan", path))
            again = json.loads(self.succeeds("plan", "--plan", path, "--fail", "leaf0--spine0", "--format", "json"))
            self.assertIn(again["changed_paths"], range(0, 3))
            self.assertEqual(again["together"]["max_load"], 1)
            self.fails(WRONG_USAGE, "give one of them", "plan", "--plan", path, "--job", job)
            self.fails(WRONG_USAGE, "there is no topology", "plan", "--job", job, "--topology", "nix")
            for start in ("--job", job), ("--plan", path):
                self.fails(WRONG_USAGE, "--export is for a plan of one phase: --traffic instead of --job", "plan", *start, "--export", "rules")
            text = Path(path).read_text()
            Path(path).write_text(text.replace('"policy":"nslb:paths=fixed"', '"policy":"magic"'))
            self.fails(WRONG_USAGE, r"/policy: there is no policy 'magic'", "plan", "--plan", path)
            Path(path).write_text(text)
            self.fails(WRONG_USAGE, "cannot be read", "plan", "--job", folder + "/none.json")
            good = json.loads(Path(job).read_text())
            for pattern, more in ((r"/policies/0: there is no policy 'magic'", {"policies": ["magic"]}), (r"/links/0/link: 'nix' is no link", {"links": [{"link": "nix"}]})):
                Path(job).write_text(json.dumps({**good, **more}))
                self.fails(WRONG_USAGE, pattern, "plan", "--job", job)
            with open(path, "a", encoding="utf-8") as file:
                file.write("]")
            self.fails(WRONG_USAGE, r"plan.json:\d+: is no JSON", "plan", "--plan", path)

    def test_a_fabric_of_htsim(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/small.topo"
            with open(path, "w", encoding="utf-8") as file:
                file.write("Nodes 8\nTiers 2\nPodsize 8\nTier 0\nDownlink_speed_Gbps 100\nRadix_Down 4\nRadix_Up 4\nTier 1\nDownlink_speed_Gbps 100\nRadix_Down 2\n")
            said = json.loads(self.succeeds("plan", "--topology", path, "--format", "json"))
            self.assertEqual((said["endpoints"], said["optimal"]), (8, True))
            with open(path, "a", encoding="utf-8") as file:
                file.write("Radix_Sideways 3\n")
            self.fails(WRONG_USAGE, r"small.topo:11: there is no 'radix_sideways'", "plan", "--topology", path)

    def test_policies_of_plugins(self):
        self.fails(WRONG_ENVIRONMENT, "plugin '/no/such.so' cannot be loaded", "plan", "--topology", "fat-tree:k=4", "--plugin", "/no/such.so")

    def test_exports(self):
        fabric = ("plan", "--topology", "fat-tree:k=4", "--export")
        self.assertRegex(self.succeeds(*fabric, "rules"), r"pod0.edge0 host0 host\d+ 0 0 -> ")
        self.assertRegex(self.succeeds(*fabric, "srv6"), r"host0 host\d+ 0 0 fd00:0:0::")
        self.assertRegex(self.succeeds(*fabric, "ports:hash=jenkins"), r"host0 host\d+ 0 0 \d+ \d+")
        alike = self.succeeds(*fabric, "ports:hash=jenkins,seeds=same")
        self.assertRegex(alike, r"# \d+ paths cannot be reached by any port: with equal seeds the tiers are polarised")
        own = self.succeeds(*fabric, "ports:hash=xor,seeds=own")
        self.assertRegex(own, r"# \d+ paths cannot be reached by any port: this hash's choices")
        self.assertNotIn("polarised", own)

    def test_wrong_words(self):
        for pattern, *words in (
            (r"--topology, --job or --plan is needed",),
            (r"there is no topology 'nix'", "--topology", "nix"),
            (r"there is no policy 'nix'; allowed are ecmp", "--topology", "fat-tree:k=4", "--policy", "nix"),
            (r"there is no traffic 'nix'", "--topology", "fat-tree:k=4", "--traffic", "nix"),
            (r"--fail needs the --plan", "--topology", "fat-tree:k=4", "--fail", "3"),
            (r"--export: 'nix' is not allowed; allowed are rules", "--topology", "fat-tree:k=4", "--export", "nix"),
        ):
            with self.subTest(words=words):
                self.fails(WRONG_USAGE, pattern, "plan", *words)


class Mpi(Test):
    def setUp(self):
        if not OPTIONS.mpirun:
            self.skipTest("no mpirun")
        self.launch = shlex.split(OPTIONS.mpirun)

    def test_ranks_are_those_of_mpi_and_one_speaks(self):
        text = self.succeeds("bench", "--transport", "mpi", *QUICK, "--format", "json", "--algorithm", "auto,ring,native", before=self.launch)
        data = json.loads(text)
        self.assertEqual(data["environment"]["transport"], "mpi")
        self.assertTrue(data["environment"]["mpi"])
        self.assertEqual(len(data["results"]), 18)
        self.assertTrue(all(each["correct"] and each["ranks"] == data["environment"]["ranks"] for each in data["results"]))
        self.assertTrue(all(each["chosen"] == "native" for each in data["results"] if each["algorithm"] == "native"))

    def test_ranks_of_one_host_go_through_its_memory(self):
        text = self.succeeds("bench", "--transport", "hosts", *QUICK, "--format", "json", "--algorithm", "auto,hierarchical", before=self.launch)
        data = json.loads(text)
        self.assertEqual(data["environment"]["transport"], "hosts")
        self.assertTrue(data["environment"]["mpi"])
        self.assertEqual(len(data["results"]), 12)
        self.assertTrue(all(each["correct"] and each["ranks"] == data["environment"]["ranks"] for each in data["results"]))

    def test_a_contradiction_is_a_usage_error_said_once(self):
        self.fails(WRONG_USAGE, r"--ranks: 7 is not allowed; MPI was started with", "bench", "--transport", "mpi", "--ranks", "7",
                   before=self.launch)
        self.fails(WRONG_USAGE, r"'--bites' is not allowed", "bench", "--transport", "mpi", "--bites", "7", before=self.launch)


class Plugin(Test):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        if not OPTIONS.compiler:
            raise unittest.SkipTest("no compiler given")
        # The example of the header, word for word.
        banner = (Path(OPTIONS.include) / "chorus" / "plugin.hpp").read_text(encoding="utf-8")
        lines = re.findall(r"^///(?:     (.*)|)$", banner[banner.index("// mine.cpp"):], re.MULTILINE)
        star = "\n".join(lines[: max(i for i, line in enumerate(lines) if line == "}") + 1])
        cls.star = cls.build("mine", star)
        cls.broken = cls.build("broken", BROKEN)
        cls.empty = cls.build("empty", "int nothing;")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def build(cls, name, text):
        source, made = Path(cls.folder.name) / f"{name}.cpp", Path(cls.folder.name) / f"{name}.so"
        source.write_text(text, encoding="utf-8")
        subprocess.run([OPTIONS.compiler, "-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I", OPTIONS.include,
                        str(source), "-o", str(made)], check=True)
        return str(made)

    def test_the_example_of_the_header_is_proven_shown_and_measured(self):
        self.assertIn("star", self.succeeds("list", "all_reduce", "--plugin", self.star))
        self.assertRegex(self.succeeds("verify", "all_reduce", "star", "--plugin", self.star), r"star .* kept .* yes\n")
        self.assertIn("round 4", self.succeeds("show", "all_reduce", "star", "--ranks", "3", "--plugin", self.star))
        data = json.loads(self.succeeds("bench", "--collective", "all_reduce", "--algorithm", "star,star:segments=2", "--ranks", "3", *QUICK,
                                        "--format", "json", "--plugin", self.star))
        self.assertEqual([each["chosen"] for each in data["results"]], ["star", "star:segments=2"] * 2)
        self.assertTrue(all(each["correct"] for each in data["results"]))

    def test_a_wrong_one_is_explained_and_drawn(self):
        drawing = Path(self.folder.name) / "wrong.svg"
        self.fails(WRONG_RESULT, r"all_reduce twice, \d ranks.*: the contribution of rank \d.* is counted twice at rank \d in step \d",
                   "verify", "all_reduce", "twice", "--plugin", self.broken, "--drawing", str(drawing))
        self.assertIn("counted twice", " ".join(xml.etree.ElementTree.parse(drawing).getroot().itertext()))
        shown = self.fails(WRONG_RESULT, "counted twice", "show", "all_reduce", "twice", "--ranks", "3", "--plugin", self.broken)
        self.assertIn("✖", shown.stdout)

    def test_a_deadlock_is_shown_as_a_cycle(self):
        self.fails(WRONG_RESULT, r"waits for .*: a cycle", "verify", "all_reduce", "waits_for_itself", "--plugin", self.broken)

    def test_a_wrong_result_is_seen_by_the_benchmark(self):
        done = chorus("bench", "--collective", "all_reduce", "--algorithm", "late", "--ranks", "65", "--iterations", "5", "--bytes", "520",
                      "--plugin", self.broken)
        self.assertEqual(done.returncode, WRONG_RESULT, done.stderr)
        self.assertIn("WRONG", done.stdout)

    def test_what_verify_calls_wrong_is_not_measured(self):
        for name, why in (("twice", "counted twice"), ("waits_for_itself", "a cycle")):  # the former is right by chance on one rank
            done = self.fails(WRONG_RESULT, f"all_reduce {name} is wrong and is not measured: .*{why}", "bench", "--collective", "all_reduce",
                              "--algorithm", f"ring,{name}", "--ranks", "1", *QUICK, "--plugin", self.broken)
            self.assertEqual(done.stdout, "")

    def test_what_cannot_be_loaded(self):
        self.fails(WRONG_ENVIRONMENT, r"plugin 'nix.so' cannot be loaded", "list", "--plugin", "nix.so")
        self.fails(WRONG_ENVIRONMENT, r"defines no extern \"C\" void chorus_plugin", "list", "--plugin", self.empty)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("chorus")
    parser.add_argument("--compiler")
    parser.add_argument("--include", default=str(Path(__file__).resolve().parents[2] / "include"))
    parser.add_argument("--mpirun", default="")
    OPTIONS, rest = parser.parse_known_args()
    OPTIONS.chorus = str(Path(OPTIONS.chorus).resolve())
    unittest.main(argv=[sys.argv[0], *rest])
