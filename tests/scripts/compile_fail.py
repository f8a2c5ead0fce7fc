"""Checks that a file does not compile, and that the compiler says why in the words that the file's first line expects.

    compile_fail.py FILE -- COMPILER OPTION...

The first line of FILE is `// expect: REGEX`, or `// expect only: REGEX` where there must be no other error.
"""
import re
import subprocess
import sys


def main():
    source, separator, *compiler = sys.argv[1:]
    assert separator == "--", __doc__
    with open(source, encoding="utf-8") as file:
        expected = re.fullmatch(r"// expect( only)?: (.+)\n", file.readline())
    if not expected:
        sys.exit(f"{source}:1: must be `// expect: REGEX` or `// expect only: REGEX`")
    result = subprocess.run([*compiler, source], capture_output=True, text=True)
    # Compilers quote the offending line: the expectation itself must not be what is found.
    said = "\n".join(line for line in result.stderr.splitlines() if "// expect" not in line)
    if result.returncode == 0:
        sys.exit(f"{source} compiles, and must not")
    if not re.search(expected[2], said):
        sys.exit(f"{said}\n\n{source} does not compile, but not because of: {expected[2]}")
    if expected[1] and len(re.findall(r"\berror: ", said)) != 1:
        sys.exit(f"{said}\n\n{source}: more than one error")


main()
