"""Tests `chorus simulate` as a user runs it: the ready scenarios, the formats, the errors, the page in a browser.

    simulate_test.py CHORUS ROOT [--chromium PROGRAM]

Without a browser, what only it can see is skipped.
"""
import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

OPTIONS = None
SMALL = {"llama2-13b-512": [], "two-jobs": [], "prefill-decode": [], "link-failure": []}
# The large ones, on fewer endpoints and ranks: the same keys, quickly.
SHRUNK = {
    "llama3-405b-16k": lambda s: (s["jobs"][0]["parallel"].update(pipeline=4, data=8), s["jobs"][0].update(global_batch=128),
                                  s.update(topology="clos:pods=4,edges=4,aggs=16,cores=16,hosts=16,rate=400G,nics=8,bus=3600G")),
    "moe-671b-2k": lambda s: (s["jobs"][0]["parallel"].update(pipeline=4, data=32, expert=16), s["jobs"][0].update(global_batch=128),
                              s.update(topology="rail:blocks=2,hosts=8,rails=8,spines=8,rate=400G,bus=1280G")),
    "hundred-thousand": lambda s: (s["jobs"][0].update(ranks=1000), s.update(topology="fat-tree:k=16,rate=400G")),
}


def simulate(*words):
    return subprocess.run([OPTIONS.chorus, "simulate", *map(str, words)], capture_output=True, text=True, timeout=280)


def scenario(name):
    return Path(OPTIONS.root) / "examples" / "network" / f"{name}.json"


class Simulate(unittest.TestCase):
    def result(self, *words):
        done = simulate(*words, "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, pattern, *words):
        done = simulate(*words)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def check(self, result):
        self.assertTrue(result["assumptions"])
        for policy in result["policies"]:
            for job in policy["jobs"]:
                self.assertFalse(job["stuck"], policy["policy"])
                self.assertGreater(job["iteration"], 0)
                self.assertLessEqual(job["makespan_efficiency"], 1 + 1e-9)
                self.assertLessEqual(job["exposed"], job["iteration"] * (1 + 1e-9))
                self.assertAlmostEqual(job["compute"] + job["bubble"] + job["exposed"], job["iteration"], delta=1e-6 * job["iteration"])
            for phase in policy["phases"]:
                self.assertEqual(sum(phase["rates"]), phase["flows"] if phase["rates"] else 0)

    def test_the_small_scenarios(self):
        for name in SMALL:
            with self.subTest(name):
                self.check(self.result("--job", scenario(name)))

    def test_the_large_scenarios_in_small(self):
        for name, shrink in SHRUNK.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                text = json.loads(scenario(name).read_text())
                shrink(text)
                small = Path(folder) / "small.json"
                small.write_text(json.dumps(text))
                self.check(self.result("--job", small))

    def test_planned_paths_are_ideal_on_a_full_clos_and_hashed_ones_are_not(self):
        hashed, planned = (p["jobs"][0] for p in self.result("--job", scenario("llama2-13b-512"), "--policies", "ecmp:seed=1,hash=crc32,nslb")["policies"])
        self.assertGreater(planned["makespan_efficiency"], 0.95)
        self.assertLess(planned["iteration"], hashed["iteration"])

    def test_results_repeat(self):
        def once():
            result = self.result("--job", scenario("two-jobs"))
            return [{k: v for k, v in p.items() if k != "simulation_seconds"} for p in result["policies"]]
        self.assertEqual(once(), once())

    def test_link_loads_over_time(self):
        for policy in self.result("--job", scenario("link-failure"))["policies"]:
            load = policy["load"]
            self.assertEqual({len(row[key]) for row in load["rows"] for key in ("mean", "most")}, {len(load["rows"][0]["mean"])})
            self.assertIn(len(load["rows"][0]["mean"]), range(64, 129))
            self.assertAlmostEqual(load["interval"] * len(load["rows"][0]["mean"]), policy["makespan"], delta=load["interval"] + 0.1 * policy["makespan"])
            self.assertTrue(all(0 <= mean <= most <= 1 for row in load["rows"] for mean, most in zip(row["mean"], row["most"])))
            rows = {row["name"]: row for row in load["rows"]}
            self.assertGreater(max(rows["endpoint to edge"]["mean"]), 0.1)

    def test_the_table(self):
        done = simulate("--job", scenario("link-failure"))
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("POLICY", "ecmp:seed=1", "nslb", "line rate", "Assumed:"):
            self.assertIn(word, done.stdout)

    def test_what_is_wrong_is_said(self):
        self.refused("--job")
        self.refused("cannot be read", "--job", "/nonexistent.json")
        self.refused("there is no policy 'magic'", "--job", scenario("two-jobs"), "--policies", "magic")
        self.refused("there is no topology", "--job", scenario("two-jobs"), "--topology", "nonsense:k=4")
        self.refused("do not fit", "--job", scenario("two-jobs"), "--topology", "fat-tree:k=4")
        self.refused("format", "--job", scenario("two-jobs"), "--format", "xml")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "wrong.json"
            file.write_text('{"jobs": [\n{"kind": "collective", "bytes": 1, "ranks": 0}]}')
            self.refused(r"wrong\.json: /jobs/0/ranks: should be a number from 1", "--job", file, "--topology", "fat-tree:k=4")
            file.write_text('{\n"jobs": [}')
            self.refused(r"wrong\.json:2:", "--job", file)
            file.write_text("")
            self.refused(r"wrong\.json:1: is no JSON", "--job", file)
            self.refused("cannot be read as a file", "--job", folder)

    def test_bad_names_are_told_with_their_place(self):
        good = {"topology": "fat-tree:k=4", "jobs": [{"kind": "collective", "ranks": 8, "bytes": 8}]}
        training = {"model": {"layers": 2, "hidden": 64}, "parallel": {"data": 4, "tensor": 2}, "global_batch": 8, "device_tflops": 1}
        def job(**more):
            return {**good, "jobs": [{**good["jobs"][0], **more}]}
        def trained(**more):
            return {**good, "jobs": [{**training, **more}]}
        for pattern, text in (
            (r"/topology: fat-tree: k should be even", {**good, "topology": "fat-tree:k=5"}),
            (r"/policies/1: there is no policy 'magic'; allowed are ecmp", {**good, "policies": ["ecmp", "magic"]}),
            (r"/links/0/link: 'nix' is no link", {**good, "links": [{"link": "nix"}]}),
            (r"/jobs/0/algorithm: .*no algorithm 'magic'; allowed are auto, ring", job(algorithm="magic")),
            (r"/jobs/0/algorithm: all_gather has no algorithm 'one_shot'; allowed are auto, ring", job(collective="all_gather", algorithm="one_shot")),
            (r"/jobs/0/algorithm: in_network is .* for all_reduce only, not for all_gather", job(collective="all_gather", algorithm="in_network")),
            (r"/jobs/0/algorithm: ring:segments=9: .*leave segments= out", job(algorithm="ring:segments=9")),
            (r"/jobs/0/model/experts: should be a number from 0 to 65536", trained(model={"layers": 2, "hidden": 64, "experts": 10**9})),
            (r"/jobs/0/model/top_k: should be a number from 0 to 8", trained(model={"layers": 2, "hidden": 64, "experts": 8, "top_k": 9})),
            (r"/jobs/0/iterations: should be a number from 1 to 97 with 1024 buckets", trained(buckets=1024, iterations=1000)),
            (r"/jobs/0/inside: .*no algorithm 'magic'", job(algorithm="hierarchical", hierarchy=4, inside="magic")),
            (r"/jobs/0/placement: there is no placement 'nix'", job(placement="nix")),
            (r"/jobs/0: groups of 3 ranks", job(group=3)),
            (r"/jobs/0: 17 ranks from place 0 on do not fit", job(ranks=17)),
            (r"/jobs/0/algorithms/data: .*no algorithm 'nix'", trained(algorithms={"data": "nix"})),
            (r"/jobs/0/algorithms/data: in_network is .*not for reduce_scatter", trained(sharded_optimizer=True, algorithms={"data": "in_network"})),
            (r"/jobs/0: a global batch of 7 should be a multiple", trained(global_batch=7)),
        ):
            with self.subTest(pattern), tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "wrong.json"
                file.write_text(json.dumps(text))
                self.refused(r"^chorus: \S+wrong\.json: " + pattern, "--job", file)

    def test_traffic_is_imported(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.cm").write_text("Nodes 16\nConnections 2\n0->8 id 1 start 0 size 50000000\n1->9 id 2 start 0 size 50000000\n")
            file = Path(folder) / "import.json"
            file.write_text('{"topology": "fat-tree:k=4,rate=400G,latency=0ns", "jobs": [{"kind": "messages", "file": "a.cm"}]}')
            planned = self.result("--job", file, "--policies", "nslb")["policies"][0]
            self.assertAlmostEqual(planned["makespan"], 1e-3, delta=1e-9)
            file.write_text('{"topology": "fat-tree:k=4", "jobs": [{"kind": "messages", "file": "none.goal"}]}')
            self.refused("none.goal: cannot be read", "--job", file)
            (Path(folder) / "none.goal").write_text("num_ranks 2\nrank 0 {\na: send 5b to 1\n}\n")
            self.refused("none.goal: .*rank 0 sends 1 messages to rank 1", "--job", file)

    def test_calculations_of_goal_take_time(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.goal").write_text("num_ranks 2\nrank 0 {\na: calc 1000000\nb: send 50000000b to 1\nb requires a\n}\n"
                                                 "rank 1 {\nc: recv 50000000b from 0\nd: calc 500000\nd requires c\n}\n")
            file = Path(folder) / "import.json"
            file.write_text('{"topology": "fat-tree:k=4,rate=400G,latency=0ns", "jobs": [{"kind": "messages", "file": "a.goal"}]}')
            only = self.result("--job", file, "--policies", "nslb")["policies"][0]
            self.assertAlmostEqual(only["makespan"], 2.5e-3, delta=1e-8)
            self.assertAlmostEqual(only["jobs"][0]["compute"], 1.5e-3, delta=1e-8)

    def test_an_algorithm_is_chosen_by_its_cost(self):
        named = {"all_reduce": ("ring", "recursive_doubling", "circulant", "tree"), "all_to_all": ("pairwise", "bruck"),
                 "broadcast": ("binomial", "chain", "double_tree", "scatter_all_gather", "direct")}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "auto.json"
            def figures(algorithm, what, ranks, size):
                file.write_text(json.dumps({"topology": "fat-tree:k=8", "jobs": [{"kind": "collective", "collective": what, "ranks": ranks, "bytes": size,
                                                                               "algorithm": algorithm}]}))
                return self.result("--job", file, "--policies", "nslb")["policies"][0]["jobs"][0]
            chosen = set()
            for what, algorithms in named.items():
                for ranks, size in ((12, 8), (12, 1e9), (64, 1e5)):
                    with self.subTest(what=what, ranks=ranks, size=size):
                        auto = figures("auto", what, ranks, size)
                        self.assertRegex(auto["chosen"][0], rf"^{what} of \S+ bytes (a block )?among {ranks} ranks: \w+$")
                        chosen.add(auto["chosen"][0].split()[-1])
                        self.assertEqual(figures("auto", what, ranks, size), auto)
                        self.assertLessEqual(auto["iteration"], 1.15 * min(figures(each, what, ranks, size)["iteration"] for each in algorithms))
            self.assertGreater(len(chosen), 4)
            self.assertNotIn("chosen", figures("ring", "all_reduce", 8, 8))
            figures("auto", "all_reduce", 8, 8)
            self.assertIn("Chosen for job: all_reduce of 8 bytes among 8 ranks: ", simulate("--job", file).stdout)
            file.write_text(json.dumps({"topology": "fat-tree:k=4", "jobs": [{
                "model": {"layers": 2, "hidden": 64, "experts": 4}, "parallel": {"data": 4, "tensor": 2, "expert": 4}, "global_batch": 8, "device_tflops": 1,
                "algorithms": {"data": "auto", "tensor": "auto", "expert": "auto"}}]}))
            said = " ".join(self.result("--job", file, "--policies", "nslb")["policies"][0]["jobs"][0]["chosen"])
            for what in ("all_reduce of .* among 2 ranks", "all_reduce of .* among 4 ranks", "all_to_all of .* among 4 ranks"):
                self.assertRegex(said, what)

    def test_the_mapper(self):
        with tempfile.TemporaryDirectory() as folder:
            text = json.loads(scenario("llama2-13b-512").read_text())
            file = Path(folder) / "job.json"
            file.write_text(json.dumps(text))
            mapped = {how: self.result("--job", file, "--policies", "nslb", "--mapping", how) for how in ("naive", "fspf")}
            orders = {how: mapped[how]["mappings"][0] for how in mapped}
            self.assertEqual((orders["naive"]["order"], orders["fspf"]["order"].replace("p", "")), ("dpt", "td"))  # one stage
            self.assertGreater(orders["naive"]["cost"], orders["fspf"]["cost"])
            time = {how: mapped[how]["policies"][0]["jobs"][0]["iteration"] for how in mapped}
            self.assertGreater(time["naive"], time["fspf"])
            self.refused("--mapping", "--job", file, "--mapping", "best")

    def test_paths_that_are_planned_for_all_jobs_beforehand(self):
        each, together = (p["jobs"] for p in self.result("--job", scenario("two-jobs"), "--policies", "nslb,nslb:paths=fixed")["policies"])
        for job in range(2):
            self.assertLess(together[job]["iteration"], each[job]["iteration"])

    def test_a_dead_link_without_another_way_is_said(self):
        done = simulate("--job", scenario("link-failure"), "--policies", "spray", "--fail", "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no living path", done.stderr)
        self.assertIn("stuck", done.stdout)
        self.assertIn("with 2 dead and 0 slow of", done.stdout)
        done = simulate("--job", scenario("link-failure"), "--policies", "spray", "--fail", "0", "--format", "json")
        self.assertEqual(done.returncode, 1)
        self.assertIsNone(json.loads(done.stdout)["policies"][0]["jobs"][0]["iteration"])

    def test_a_placement_lies_beside_the_file_that_names_it(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "ranks.txt").write_text("3\n1\n")
            (Path(folder) / "mine.topo").write_text("Nodes 4\nTiers 2\nPodsize 4\nTier 0\nDownlink_speed_Gbps 100\nRadix_Down 2\nRadix_Up 2\n"
                                                    "Tier 1\nDownlink_speed_Gbps 100\nRadix_Down 2\n")
            file = Path(folder) / "job.json"
            file.write_text(json.dumps({"topology": "mine.topo", "jobs": [{"kind": "collective", "ranks": 2, "bytes": 1000, "placement": "file:path=ranks.txt"}]}))
            self.assertGreater(self.result("--job", file)["policies"][0]["makespan"], 0)
            self.refused("ranks.txt: cannot be read", "--job", file, "--placement", "file:path=ranks.txt")

    def test_the_page_needs_nothing_else(self):
        page = simulate("--job", scenario("two-jobs"), "--format", "html").stdout
        self.assertTrue(page.startswith("<!doctype html>"))
        self.assertNotRegex(page.replace("http://www.w3.org/2000/svg", ""), r"https?://")
        data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1)
        self.assertEqual(len(json.loads(data)["policies"]), 4)

    def test_no_link_of_the_page_is_busier_than_the_phase_is_long(self):
        page = simulate("--job", scenario("link-failure"), "--format", "html").stdout
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))
        loads = [load for p in data["policies"] for phase in p["phases"] for load in phase.get("load_most", [])]
        self.assertLessEqual(max(loads), 1)
        changed = [link[3] for link in data["fabric"]["links"] if link[3]]
        self.assertEqual(changed, [[[0.1, 0.0], [0.5, 0.5]]] * 2)

    def test_the_page_draws_itself_in_a_browser(self):
        browser = OPTIONS.chromium or shutil.which("chromium")
        if not browser:
            print("simulate_test: SKIPPED, no chromium: the page was drawn by no browser (scripts/setup installs it)", file=sys.stderr)
            self.skipTest("no chromium")
        for name in ("two-jobs", "llama2-13b-512", "link-failure"):  # links one by one, strips, links that change
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                page = Path(folder) / "page.html"
                simulate("--job", scenario(name), "--format", "html", "--out", page)
                done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
                                       "--virtual-time-budget=3000", "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120)
                self.assertIn('data-ready="yes"', done.stdout)  # set last: no error on the way
                self.assertGreater(done.stdout.count("<rect"), 30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("chorus")
    parser.add_argument("root")
    parser.add_argument("--chromium")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
