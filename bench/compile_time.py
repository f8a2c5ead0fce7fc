#!/usr/bin/env python3
"""Measures what Chorus adds to the time of a compilation.

    bench/compile_time.py [--compiler g++] [--runs 7] [--format table|json]

Two programs are compiled with -O2, each beside one that only includes the standard headers that <chorus/chorus.hpp> reaches:
the bare #include of <chorus/chorus.hpp>, and the first example. Runs alternate, so that a slow moment of the machine meets
all; figures are medians in seconds.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def standard_headers():
    """The headers of others that chorus.hpp includes, directly or not."""
    seen, pending, standard = set(), ["chorus/chorus.hpp"], set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        path = ROOT / "include" / name
        if path.is_file():
            pending += INCLUDE.findall(path.read_text(encoding="utf-8"))
        else:
            standard.add(name)
    return sorted(standard)


def seconds(compiler, source, folder):
    command = [compiler, "-std=c++20", "-O2", "-I", str(ROOT / "include"), "-c", str(source), "-o", str(folder / "out.o")]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args()

    first = sorted((ROOT / "examples").glob("01*.cpp"))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # Headers of another system are included by Chorus under a condition, here likewise.
        std, umbrella = folder / "std.cpp", folder / "umbrella.cpp"
        std.write_text("".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in standard_headers()))
        umbrella.write_text("#include <chorus/chorus.hpp>\n")
        programs = {"standard headers": std, "chorus/chorus.hpp": umbrella}
        if first:
            programs[f"examples/{first[0].name}"] = first[0]
        samples = {name: [] for name in programs}
        for _ in range(options.runs):
            for name, source in programs.items():
                samples[name].append(seconds(options.compiler, source, folder))

    base = statistics.median(samples["standard headers"])
    rows = [(name, statistics.median(times), statistics.median(times) - base) for name, times in samples.items()]
    if options.format == "json":
        json.dump({"compiler": options.compiler, "runs": options.runs, "standard_headers": standard_headers(),
                   "results": [{"program": n, "seconds": t, "beyond_standard": d} for n, t, d in rows]}, sys.stdout, indent=2)
        print()
        return
    print(f"{options.compiler} -O2, median of {options.runs}, {len(standard_headers())} standard headers")
    for name, median, beyond in rows:
        print(f"{name:32} {median:6.2f} s   {beyond:+6.2f} s")


main()
