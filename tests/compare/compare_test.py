"""Tests bench/compare/compare: a tiny comparison from end to end, what becomes of samples, and the page in a browser.

    compare_test.py ROOT BUILD [--chromium PROGRAM]

Measures nothing but whether it measures: no figure is asserted.
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
ROW = {"collective", "ranks", "bytes", "chorus_us", "chorus_path", "peers", "best_peer", "ratio", "tuned_ratio", "written_ratio", "bound_us", "bound",
       "placement", "flag_ns", "rounds", "rounds_measured", "iterations", "spread_us", "correct", "wrong"}
# Moves the pointer over the first chart, as a person would.
HOVER = """<script>{ const svg = document.querySelector('#times svg'), box = svg.getBoundingClientRect();
svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, pointerType: 'mouse', bubbles: true})); }</script>"""


def compare(*words, timeout=280):
    return subprocess.run([sys.executable, Path(OPTIONS.root) / "bench" / "compare" / "compare", *map(str, words)], capture_output=True, text=True, timeout=timeout)


class Run(unittest.TestCase):
    """One comparison, which all look at."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.out = Path(cls.folder.name)
        cls.done = compare("--build", OPTIONS.build, "--out", cls.out, "--bytes", "8,32K", "--collective", "all_reduce", "--rounds", 2, "--budget", 1)
        cls.programs = {path.name.removeprefix("compare_") for path in (Path(OPTIONS.build) / "compare").glob("compare_*")}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout + self.done.stderr)
        self.result = json.loads((self.out / "comparison.json").read_text())

    def test_every_row_is_complete_and_right(self):
        rows = self.result["results"]
        paths = {"private", "direct", "threads"} | ({"mpi", "hosts"} if "openmpi" in self.programs else set())
        self.assertEqual({(row["bytes"], row["chorus_path"]) for row in rows}, {(size, path) for size in (8, 32 << 10) for path in paths})
        for row in rows:
            self.assertEqual(set(row), ROW)
            self.assertEqual((row["collective"], row["ranks"]), ("all_reduce", 2))
            self.assertTrue(row["correct"], row)
            self.assertEqual(row["wrong"], [])
            self.assertGreater(row["chorus_us"], 0)
            self.assertGreater(row["bound_us"], 0)
            self.assertIn(row["placement"], ("near", "far", "mixed"))
            self.assertGreater(row["flag_ns"], 0)
            self.assertLessEqual(row["rounds"], row["rounds_measured"])
            low, high = row["spread_us"][row["chorus_path"]]
            self.assertTrue(low <= row["chorus_us"] <= high, row)

    def test_every_peer_that_is_installed_is_there(self):
        peers = {"gloo"} & self.programs | {"mpich", "mpich-window"} & {name for name in ("mpich", "mpich-window") if "mpich" in self.programs}
        peers |= {"openmpi", "openmpi-sm", "openmpi-window"} if "openmpi" in self.programs else set()
        for row in self.result["results"]:
            self.assertEqual(set(row["peers"]), peers, self.done.stderr)
            best = min((name for name in ("openmpi", "mpich", "gloo") if name in row["peers"]), key=row["peers"].get, default=None)
            self.assertEqual(row["best_peer"], best)
            if best:
                self.assertAlmostEqual(row["ratio"], row["peers"][best] / row["chorus_us"], delta=1e-3)

    def test_the_environment_says_where_and_how(self):
        environment = self.result["environment"]
        for key in ("cpu", "processors", "caches", "memory_GiB", "system", "kernel", "compiler", "date", "seconds", "load_before", "load_after", "versions",
                    "missing", "command", "protocol"):
            self.assertIn(key, environment)
        self.assertIn("chorus", environment["versions"])

    def test_the_table_has_a_line_for_each_size(self):
        for text in ("all_reduce, 2 ranks", "32 KiB", "x private"):
            self.assertIn(text, self.done.stdout)

    def test_nothing_stays_behind(self):
        left = [path for path in Path(tempfile.gettempdir()).glob("chorus-compare-*")]
        self.assertEqual(left, [])

    def test_the_page_draws_itself_and_answers_the_pointer(self):
        page = self.out / "comparison.html"
        if not page.exists():
            self.assertIn("no page", self.done.stderr)
            self.skipTest("the library that draws is not installed")
        text = page.read_text(encoding="utf-8")
        self.assertNotRegex(text, r"<(script|link|img)[^>]*\s(src|href)=")  # needs no other file
        browser = OPTIONS.chromium or shutil.which("chromium")
        if not browser:
            self.skipTest("no chromium")
        hovered = self.out / "hovered.html"
        hovered.write_text(text.replace("</body>", HOVER + "</body>"), encoding="utf-8")
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.out}/profile", "--virtual-time-budget=3000",
                               "--window-size=1240,1700", "--dump-dom", hovered.as_uri()], capture_output=True, text=True, timeout=120)
        dom = done.stdout.split('id="environment"')[0]
        for what, pattern, least in (("set last: no error on the way", 'data-ready="yes"', 1), ("both charts", "<svg", 2), ("lines", 'class="series"', 6),
                                     ("the tip under the pointer", "µs  Chorus, direct", 1), ("the table", "<td[^>]*>32 KiB</td>", 1)):
            self.assertGreaterEqual(len(re.findall(pattern, dom)), least, what)


class Rules(unittest.TestCase):
    """What becomes of samples, on samples that were made up."""

    @classmethod
    def setUpClass(cls):
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(Path(OPTIONS.root) / "bench" / "compare"))
        global measure, report
        import measure
        import report

    def rows(self, regimes, **medians):
        names = {name.replace("_", "-"): values for name, values in medians.items()}
        series = [each for each in measure.SERIES if each.name in names]
        samples = {each.name: measure.Samples(names[each.name], 10, 0) for each in series}
        return measure.conclude(measure.Cell("all_reduce", 2, 4096), series, samples, regimes, 100.0)

    def test_only_rounds_of_the_placement_that_most_had_are_compared(self):
        row, = self.rows(["near", "far", "near", "near"], private=[1, 50, 2, 3], openmpi=[4, 90, 6, 8], floor=[1, 20, 1, 1])
        self.assertEqual((row["placement"], row["chorus_us"], row["peers"], row["ratio"], row["rounds"]), ("near", 2, {"openmpi": 6}, 3, 3))

    def test_where_no_placement_lasted_all_rounds_count_and_the_row_says_so(self):
        row, = self.rows(["mixed", "far", "mixed"], private=[1, 2, 3], openmpi=[2, 4, 9])
        self.assertEqual((row["placement"], row["chorus_us"], row["ratio"], row["bound_us"]), ("mixed", 2, 2, None))

    def test_what_is_tuned_or_written_by_hand_is_not_the_best_library(self):
        row, = self.rows(["far"], direct=[2], openmpi=[8], gloo=[9], openmpi_sm=[4], mpich_window=[1], floor=[1], floor_slots=[.5])
        self.assertEqual((row["best_peer"], row["ratio"], row["tuned_ratio"], row["written_ratio"], row["bound"]), ("openmpi", 4, 2, .5, "floor-slots"))

    def test_a_library_that_failed_on_the_way_is_left_out(self):
        row, = self.rows(["far", "far"], private=[2, 2], openmpi=[8], mpich=[6, 6])
        self.assertEqual((row["peers"], row["best_peer"]), ({"mpich": 6}, "mpich"))

    def test_placement_is_named_by_all_probes(self):
        self.assertEqual([measure.placement_of(probes) for probes in ([90, 120], [400, 500], [90, 400], [9000, 9000])], ["near", "far", "mixed", "disturbed"])

    def test_blocks_are_whole_elements(self):
        self.assertEqual([cell.size for cell in measure.cells(8, ["all_to_all"], [8, 16, 64, 1000])], [32, 64, 992])
        self.assertEqual([cell.size for cell in measure.cells(8, ["all_reduce"], [8, 16])], [8, 16])

    def test_a_wrong_result_is_an_error(self):
        rows = self.rows(["far"], private=[2], openmpi=[8])
        rows[0].update(wrong=["openmpi"])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "earlier.json"
            file.write_text(json.dumps({"environment": {}, "results": rows}))
            done = compare("--from", file, "--out", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("WRONG results of openmpi", done.stderr)

    def test_the_table_for_documents_has_sizes_across(self):
        text = report.markdown({"results": self.rows(["far"], private=[2], openmpi=[8], floor=[1])})
        self.assertEqual(text.splitlines(), ["| all_reduce, 2 ranks | 4 KiB |", "|---|---|", "| bound | 1.00 |", "| private | 2.00 (4.00) |", "| openmpi | 8.00 |",
                                             "| placement | far |"])

    def test_what_is_wrong_is_said(self):
        for words, text in ((["--bytes", "8Q"], "a list as in"), (["--ranks", "1"], "numbers from 2"), (["--collective", "sort"], "none of all_reduce"),
                            (["--series", "nccl"], "none of private")):
            done = compare(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("build")
    parser.add_argument("--chromium")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
