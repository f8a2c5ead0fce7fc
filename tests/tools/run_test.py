"""Tests that `chorus run` leaves nothing behind, however it ends, and who is named.

    run_test.py CHORUS [--compiler CXX --include FOLDER]

Without a compiler the tests of ranks that own a session are skipped. What is looked for, and ended where it is left, is what has
inherited a word in its environment that the test has made up.
"""
import argparse
import fcntl
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import uuid
from pathlib import Path

OPTIONS = None
RANKS = 2

# What a rank does after it has said its process number.
PROGRAMS = {
    "a program": "exec sleep 60",
    "a script": "sleep 60; exit $?",
    "a script that waits in the background": "sleep 60 & wait",
    "a script that ignores signals": "trap '' TERM INT HUP; sleep 60; sleep 60",
    "a script with an answer to signals": "trap 'echo asked' TERM INT HUP; while true; do sleep 1; done",
    "a pipeline": "sleep 60 | cat",
    "a script with a child in a session of its own": "setsid sleep 60 & sleep 60",
    "a script with a daemon": "(setsid sleep 60 > /dev/null 2>&1 &); sleep 60",
}


class Started:
    """A job of shells that has come as far as its ranks' `echo`."""

    def __init__(self, script):
        self.word = "chorus-test-" + uuid.uuid4().hex
        environment = dict(os.environ, CHORUS_TEST_WORD=self.word)
        self.process = subprocess.Popen([OPTIONS.chorus, "run", "--grace", "1", "-n", str(RANKS), "sh", "-c", "echo $$; " + script], text=True,
                                        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.ranks = [int(self.process.stdout.readline()) for _ in range(RANKS)]

    def left(self):
        """Process numbers of all that has the word and has not ended."""
        found = []
        for each in filter(str.isdigit, os.listdir("/proc")):
            try:
                if self.word.encode() in Path("/proc", each, "environ").read_bytes():
                    found.append(int(each))
            except OSError:  # gone, or another user's
                pass
        return found

    def launcher(self):
        return int(Path(f"/proc/{self.ranks[0]}/stat").read_text().rpartition(")")[2].split()[1])

    def end(self):
        """(exit status, what it said, how many processes are left)."""
        try:
            said = self.process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            said = "has not ended"
        until = time.monotonic() + 5
        while self.left() and time.monotonic() < until:
            time.sleep(0.02)
        left = self.left()
        for each in left:
            os.kill(each, signal.SIGKILL)
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()
        return self.process.returncode, said, len(left)


class NothingIsLeft(unittest.TestCase):
    def after(self, event, status, programs=PROGRAMS):
        jobs = {name: Started(script) for name, script in programs.items()}
        for job in jobs.values():
            event(job)
        for name, job in jobs.items():
            with self.subTest(name):
                got, said, left = job.end()
                self.assertEqual((got, left), (status, 0), said)

    def test_after_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.after(lambda job: job.process.send_signal(number), 128 + number)

    def test_after_a_rank_was_killed(self):
        self.after(lambda job: os.kill(job.ranks[1], signal.SIGKILL), 128 + signal.SIGKILL)

    def test_after_the_command_was_killed(self):
        self.after(lambda job: job.process.kill(), -signal.SIGKILL)

    def test_after_the_launcher_was_killed(self):
        self.after(lambda job: os.kill(job.launcher(), signal.SIGKILL), 128 + signal.SIGKILL)

    def test_after_the_group_was_killed(self):
        self.after(lambda job: os.killpg(job.process.pid, signal.SIGKILL), -signal.SIGKILL)

    def test_after_all_ranks_have_ended(self):
        self.after(lambda job: None, 0, {"a daemon": "(setsid sleep 60 > /dev/null 2>&1 &)", "a child": "sleep 60 &"})

    def test_a_terminal_reaches_the_ranks_once(self):
        ours, theirs = pty.openpty()
        job = subprocess.Popen([OPTIONS.chorus, "run", "--grace", "15", "-n", "1", "sh", "-c", "read word; trap 'echo asked' INT; echo got $word; sleep 1; sleep 1; exit 3"],
                               stdin=theirs, stdout=subprocess.PIPE, text=True, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.write(ours, b"line\n")
        self.assertEqual(job.stdout.readline(), "got line\n")
        os.write(ours, b"\x03")  # Ctrl-C
        self.assertEqual(job.communicate(timeout=20)[0], "asked\n")
        self.assertEqual(job.returncode, 3)
        os.close(ours)
        os.close(theirs)

    def test_signals_that_the_caller_ignores_are_no_reason_to_end(self):
        nohup = subprocess.Popen(["nohup", OPTIONS.chorus, "run", "--grace", "0", "-n", "1", "sh", "-c", "echo; sleep 3; echo through"], text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        nohup.stdout.readline()
        nohup.send_signal(signal.SIGHUP)
        self.assertEqual(nohup.communicate(timeout=20)[0], "through\n")
        self.assertEqual(nohup.returncode, 0)


class Input(unittest.TestCase):
    def readers(self, *options):
        done = subprocess.run([OPTIONS.chorus, "run", "-n", "3", *options, "sh", "-c", 'test -n "$(cat)" && echo $CHORUS_RANK'], input="text", text=True,
                              capture_output=True, timeout=60)
        return sorted(done.stdout.split())

    def test_one_rank_reads_and_the_others_find_nothing(self):
        self.assertEqual(self.readers(), ["0"])
        self.assertEqual(self.readers("--stdin", "2"), ["2"])
        self.assertEqual(self.readers("--stdin", "none"), [])
        self.assertEqual(len(self.readers("--stdin", "all")), 1)  # whoever comes first takes all of it

    def test_wrong_words(self):
        for words, pattern in ((("--stdin", "3"), "whole numbers from 0 to 2"), (("--stdin", "me"), "none, all, or a rank"), (("--grace", "-1"), "--grace: '-1'")):
            done = subprocess.run([OPTIONS.chorus, "run", "-n", "3", *words, "true"], text=True, capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn(pattern, done.stderr)


# What rank 1 does is the first argument, what the others do then the second.
SESSION = r"""
#include <chorus/chorus.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>
int main(int, char** argv) {
    std::string const what = argv[1], then = argv[2];
    chorus::session session;
    auto comm = session.world();
    std::vector<int> data(3, 1);
    chorus::all_reduce(comm, data);
    if (comm.rank() == 1) {
        if (what == "exit") std::exit(0);
        if (what == "die") std::raise(SIGKILL);
        if (what == "late") std::this_thread::sleep_for(std::chrono::seconds(4));
    }
    auto const work = [&] {
        for (int i = 0; i < 60; ++i) {
            data.assign(3, 1);
            chorus::all_reduce(comm, data);
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    };
    try {
        work();
    } catch (chorus::transport_error const& e) {
        if (then == "throw") throw;
        if (then == "fail") return 9;
        if (then == "hesitate" && comm.rank() == 0) std::this_thread::sleep_for(std::chrono::seconds(4));
        comm = comm.shrink();
        work();
        std::printf("%d went on\n", data[0]);
    }
}
"""


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not OPTIONS.compiler:
            raise unittest.SkipTest("no compiler given")
        cls.folder = tempfile.TemporaryDirectory()
        source, cls.program = Path(cls.folder.name, "rank.cpp"), str(Path(cls.folder.name, "rank"))
        source.write_text(SESSION, encoding="utf-8")
        subprocess.run([OPTIONS.compiler, "-std=c++20", "-O0", "-I", OPTIONS.include, str(source), "-o", cls.program, "-pthread"], check=True)
        cls.script = [str(Path(cls.folder.name, "wrapper"))]
        Path(cls.script[0]).write_text(f'#!/bin/sh\n{cls.program} "$@"\nexit $?\n', encoding="utf-8")
        os.chmod(cls.script[0], 0o700)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_all(self, what, then):
        """By itself, and by a script."""
        for program in (self.program, *self.script):
            yield subprocess.run([OPTIONS.chorus, "run", "--grace", "1", "-n", "3", program, what, then], text=True, capture_output=True, timeout=60)

    def test_survivors_that_shrink_go_on_as_long_as_they_want(self):
        for then in ("shrink", "hesitate"):
            for done in self.run_all("die", then):
                self.assertEqual(done.stdout, "2 went on\n2 went on\n", done.stderr)
                self.assertEqual(done.returncode, 128 + 9)
                self.assertIn("chorus: run: rank 1 ", done.stderr)

    def test_survivors_go_on_without_a_rank_that_has_ended_early(self):
        for done in self.run_all("exit", "shrink"):
            self.assertEqual((done.stdout, done.returncode), ("2 went on\n2 went on\n", 0), done.stderr)

    def test_a_rank_that_ends_before_its_session_is_named(self):
        for then, status in (("throw", 128 + 6), ("fail", 9)):
            for done in self.run_all("exit", then):
                self.assertRegex(done.stderr, r"chorus: run: rank 1 ended with status 0 in the middle of its session; rank [02] ")
                self.assertEqual(done.returncode, status)

    def test_a_rank_that_was_killed_is_named_before_those_that_followed(self):
        for done in self.run_all("die", "throw"):
            self.assertIn("chorus: run: rank 1 ", done.stderr)
            self.assertEqual(done.returncode, 128 + 9)

    def test_a_late_rank_is_none_that_has_failed(self):
        for done in self.run_all("late", "throw"):
            self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("chorus")
    parser.add_argument("--compiler")
    parser.add_argument("--include", default=str(Path(__file__).resolve().parents[2] / "include"))
    OPTIONS, rest = parser.parse_known_args()
    OPTIONS.chorus = str(Path(OPTIONS.chorus).resolve())
    unittest.main(argv=[sys.argv[0], *rest])
