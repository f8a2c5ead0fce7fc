"""Runs an example and compares what it prints.

    run_example.py [--expected FILE] [--fails] -- COMMAND...

A line of FILE that begins with `~ ` is, from there on, a regular expression for the whole line. With --fails the command must
end with an error status of its own (a crash or a hang is not one): an exercise that nobody has solved.
"""
import argparse
import difflib
import re
import subprocess
import sys


def matches(expected, actual):
    if expected.startswith("~ "):
        return re.fullmatch(expected[2:], actual) is not None
    return expected == actual


def difference(expected, actual):
    """A diff for people: lines that a pattern accepts count as equal."""
    accepted = [a if i < len(actual) and matches(e, a := actual[i]) else e for i, e in enumerate(expected)]
    return "\n".join(difflib.unified_diff(accepted, actual, "expected", "printed", lineterm=""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--expected")
    parser.add_argument("--fails", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    result = subprocess.run(options.command, stdout=subprocess.PIPE, text=True)
    if options.fails:
        if not 0 < result.returncode < 128:
            sys.exit(f"{result.stdout}\nended with status {result.returncode}; unsolved, it must end with an error")
        return
    if result.returncode != 0:
        sys.exit(f"{result.stdout}\nended with status {result.returncode}")
    if options.expected is None:
        return
    actual = result.stdout.splitlines()
    try:
        with open(options.expected, encoding="utf-8") as file:
            expected = file.read().splitlines()
    except OSError as error:
        sys.exit(f"{result.stdout}\nwas printed, but there is nothing to compare it with: {error}")
    if len(expected) != len(actual) or not all(map(matches, expected, actual)):
        sys.exit(difference(expected, actual))


main()
