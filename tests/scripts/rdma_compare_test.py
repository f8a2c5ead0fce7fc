"""Tests what bench/rdma/compare makes of the figures it is given."""
import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
PATH = Path(__file__).resolve().parent.parent.parent / "bench/rdma/compare"
loader = importlib.machinery.SourceFileLoader("compare", str(PATH))
compare = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
loader.exec_module(compare)


class Compare(unittest.TestCase):
    def test_the_one_row_of_perftest(self):
        text = " local address: LID 0000\n #bytes #iterations t_min[usec]\n 512 4000 9.64 213.28 9.98 10.88 8.16 32.66 148.83\n-----\n"
        self.assertEqual(compare.perftest_row(text)[:5], [512, 4000, 9.64, 213.28, 9.98])
        for wrong in ("", "Couldn't connect to 10.99.0.1:18515", text + text):
            with self.assertRaises(RuntimeError):
                compare.perftest_row(wrong)

    def test_quartiles_and_means(self):
        self.assertEqual(compare.lower_quartile([5, 1, 4, 2, 3]), 2)
        self.assertEqual(compare.lower_quartile([9, 7]), 7)
        self.assertAlmostEqual(compare.geometric_mean([0.5, 2, 8]), 2)

    def test_the_best_of_several_rounds_is_per_figure(self):
        def one(us, rate):
            return {"latency": [{"bytes": 8, "us": us}], "bandwidth": [{"bytes": 65536, "MBps": rate}]}

        found = compare.best_quartile([one(9, 200), one(8, 100), one(10, 150)])
        self.assertEqual(found, {"latency": [{"bytes": 8, "us": 8}], "bandwidth": [{"bytes": 65536, "MBps": 200}]})

    def test_sizes_are_of_whole_blocks(self):
        self.assertEqual(compare.bytes_of("4K"), 4096)
        self.assertEqual(compare.bytes_of("1M"), 1 << 20)
        self.assertEqual(compare.sizes_for("all_reduce", 4, "8,512,4K"), "8,512,4K")
        self.assertEqual(compare.sizes_for("all_gather", 4, "8,12,512,4K"), "512,4K")
        self.assertEqual(compare.sizes_for("all_to_all", 2, "8,12,512"), "8,512")

    def test_what_goes_each_way(self):
        self.assertEqual(compare.exchanged("all_reduce", 4096), 4096)
        self.assertEqual(compare.exchanged("all_to_all", 4096), 2048)

    def test_the_table(self):
        row = {"collective": "all_reduce", "ranks": 2, "bytes": 8, "chorus_us": 20.0, "peers": {"ucx": 25.0, "tcp": 40.0}, "ratio": 1.25, "floor_us": 16.5}
        report = {"floor": {"latency": [], "bandwidth": []}, "results": [row, row | {"ranks": 4, "ratio": 0.8, "floor_us": None}]}
        text = compare.table(report)
        self.assertIn("| all_reduce | 2 | 8 | 20.0 | 25.0 | 40.0 | 1.25 | 16.5 |", text)
        self.assertIn("| all_reduce | 4 | 8 | 20.0 | 25.0 | 40.0 | 0.80 | - |", text)
        self.assertIn("geometric mean 1.00, least 0.80", text)


if __name__ == "__main__":
    unittest.main()
