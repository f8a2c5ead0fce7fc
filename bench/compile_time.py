#!/usr/bin/env python3
"""Measures what Chorus adds to the time of a compilation.

    bench/compile_time.py [--compiler g++] [--runs 7] [--format table|json]

Two programs are compiled with -O2, each beside one that only includes the standard headers that <chorus/chorus.hpp> reaches:
the bare #include of <chorus/chorus.hpp>, and the first example. Both once header-only and once as they are compiled where
chorus::compiled is linked, which reaches fewer standard headers. Runs alternate, so that a slow moment of the machine meets
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
DEFINITIONS = re.compile(r"^#if CHORUS_DEFINE$.*?^#endif$", re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def standard_headers(compiled):
    """The headers of others that chorus.hpp includes, directly or not."""
    seen, pending, standard = set(), ["chorus/chorus.hpp"], set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        path = ROOT / "include" / name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            pending += INCLUDE.findall(DEFINITIONS.sub("", text) if compiled else text)
        else:
            standard.add(name)
    return sorted(standard)


def seconds(compiler, way, source, folder):
    command = [compiler, "-std=c++20", "-O2", *way, "-I", str(ROOT / "include"), "-c", str(source), "-o", str(folder / "out.o")]
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
        umbrella = folder / "umbrella.cpp"
        umbrella.write_text("#include <chorus/chorus.hpp>\n")
        programs = {}  # name: (way, arguments, source); the first of each way is what the others are measured against
        for way, arguments in (("header-only", []), ("compiled", ["-DCHORUS_COMPILED"])):
            # Headers of another system are included by Chorus under a condition, here likewise.
            std = folder / f"{way}.cpp"
            std.write_text("".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in standard_headers(bool(arguments))))
            programs[f"{way}: standard headers"] = (way, arguments, std)
            programs[f"{way}: chorus/chorus.hpp"] = (way, arguments, umbrella)
            if first:
                programs[f"{way}: examples/{first[0].name}"] = (way, arguments, first[0])
        samples = {name: [] for name in programs}
        for _ in range(options.runs):
            for name, (_way, arguments, source) in programs.items():
                samples[name].append(seconds(options.compiler, arguments, source, folder))

    median = {name: statistics.median(times) for name, times in samples.items()}
    rows = [(name, median[name], median[name] - median[f"{way}: standard headers"]) for name, (way, _, _) in programs.items()]
    if options.format == "json":
        json.dump({"compiler": options.compiler, "runs": options.runs,
                   "standard_headers": {"header-only": standard_headers(False), "compiled": standard_headers(True)},
                   "results": [{"program": n, "seconds": t, "beyond_standard": d} for n, t, d in rows]}, sys.stdout, indent=2)
        print()
        return
    print(f"{options.compiler} -O2, median of {options.runs}; "
          f"{len(standard_headers(False))} standard headers, compiled {len(standard_headers(True))}")
    for name, seconds_taken, beyond in rows:
        print(f"{name:42} {seconds_taken:6.2f} s   {beyond:+6.2f} s")


main()
