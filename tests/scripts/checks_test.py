"""Tests the checks: each must find the fault that it is there for, and be content where there is none."""
import concurrent.futures
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
sys.path.insert(0, str(SCRIPTS))
sys.dont_write_bytecode = True
import docs  # noqa: E402
import structure  # noqa: E402


class Checks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        # The repository's own exceptions say nothing about the houses built here.
        structure.INCLUDE_EXCEPTIONS, structure.LONG_HEADERS = {}, {}
        self.write("include/chorus/core/a.hpp", "#include <vector>\n")
        self.write("include/chorus/schedule/b.hpp", "#include <chorus/core/a.hpp>\n")
        self.write("include/chorus/chorus.hpp", "#include <chorus/schedule/b.hpp>\n")
        self.write("README.md", "`core/a.hpp`\n")

    def write(self, path, text, mode=0o644):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def structure(self):
        return "\n".join(structure.House(self.root).faults())

    def docs(self, text):
        self.write("README.md", text)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return "\n".join(docs.Documents(self.root, "c++", []).faults(pool))

    def test_a_good_house_has_no_faults(self):
        self.assertEqual(self.structure(), "")

    def test_a_forbidden_door(self):
        self.write("include/chorus/core/a.hpp", "#include <chorus/schedule/b.hpp>\n")
        self.assertIn("core may not include schedule/b.hpp", self.structure())
        self.write("include/chorus/core/a.hpp", '#include "../schedule/b.hpp"\n')
        self.assertIn("core may not include schedule/b.hpp", self.structure())

    def test_an_excepted_door(self):
        self.write("include/chorus/core/a.hpp", "#include <chorus/schedule/b.hpp>\n")
        structure.INCLUDE_EXCEPTIONS = {("core/a.hpp", "schedule/b.hpp"): "why"}
        self.assertEqual(self.structure(), "")
        self.write("include/chorus/core/a.hpp", "")
        self.assertIn("strike the exception", self.structure())

    def test_an_unknown_room(self):
        self.write("include/chorus/attic/a.hpp", "")
        self.assertIn("`attic` is no room", self.structure())

    def test_a_header_outside_the_umbrella(self):
        self.write("include/chorus/pattern/c.hpp", "")
        self.assertIn("does not include pattern/c.hpp", self.structure())

    def test_an_umbrella_that_needs_more_than_the_standard_library(self):
        self.write("include/chorus/core/a.hpp", "#include <mpi.h>\n")
        self.assertIn("reaches <mpi.h>", self.structure())

    def test_sizes(self):
        self.write("include/chorus/core/a.hpp", "\n" * 301)
        self.write("examples/01_a.cpp", "\n" * 61)
        self.assertIn("core/a.hpp: 301 lines", self.structure())
        self.assertIn("01_a.cpp: 61 lines", self.structure())

    def test_examples_are_listed(self):
        self.write("examples/01_a.cpp", "")
        self.write("examples/expected/02_b.txt", "")
        self.assertIn("does not list 01_a", self.structure())
        self.assertIn("02_b.txt: there is no such example", self.structure())

    def test_unfinished_work(self):
        self.write("docs/a.md", "TO" + "DO: write this\n")
        self.assertIn("docs/a.md:1: unfinished", self.structure())

    def test_paths(self):
        self.assertEqual(self.docs("`include/chorus/core/a.hpp` `core/<name>.hpp` [b](README.md#x) `std/vector`"), "")
        self.assertIn("does not exist", self.docs("`include/chorus/core/gone.hpp`"))
        self.assertIn("does not exist", self.docs("`schedule/<name>/a.hpp`"))
        self.assertIn("leads nowhere", self.docs("[b](docs/gone.md)"))

    def test_code(self):
        self.assertEqual(self.docs("```cpp\nstd::vector<int> v(3);\n```"), "")
        self.assertEqual(self.docs("```cpp\ntemplate <class T> void f(T) {}\n```"), "")
        self.assertEqual(self.docs("<!-- given: int n = 3; -->\n```cpp\nstd::vector<int> v(n);\n```"), "")
        self.assertIn("error", self.docs("```cpp\nstd::vector<int> v(n);\n```"))
        self.assertIn("not allowed", self.docs("```cpp no-check\nint i\n```"))

    def test_excerpts(self):
        self.write("a.cpp", "int main() {\n    int i;\n    int j;\n    int k;\n}\n")
        self.assertEqual(self.docs("<!-- file: a.cpp -->\n```cpp\nint i;\nint j;\n```"), "")
        self.assertEqual(self.docs("```cpp\n// file: a.cpp\nint main() {\n    // ...\n    int k;\n```"), "")
        self.assertEqual(self.docs("<!-- file: a.cpp -->\n```cpp\nint i;\n```\n```cpp\nint other;\n```"), "")
        self.assertIn("no excerpt", self.docs("<!-- file: a.cpp -->\n```cpp\nint i;\nint k;\n```"))

    def test_commands(self):
        self.write("scripts/go", "", 0o755)
        self.write("examples/01_a.cpp", "")
        self.assertEqual(self.docs("```sh\nscripts/go --fast | cat # why\nA=b mpirun -n 4 build/bin/examples/01_a\n```"), "")
        self.assertIn("does not exist", self.docs("```sh\nscripts/gone\n```"))
        self.assertIn("not built", self.docs("```console\n$ git status && build/bin/examples/02_b\noutput\n```"))
        self.assertIn("no preset", self.docs("```sh\ncmake --preset gone\n```"))

    def run_script(self, script, *arguments):
        return subprocess.run([sys.executable, SCRIPTS / script, *arguments], capture_output=True).returncode

    def test_compile_fail(self):
        compiler = ["--", "c++", "-std=c++20", "-fsyntax-only"]
        self.write("a.cpp", "// expect: wrong size\nstatic_assert(false, \"wrong size\");\n")
        self.assertEqual(self.run_script("compile_fail.py", self.root / "a.cpp", *compiler), 0)
        self.write("a.cpp", "// expect: wrong type\nstatic_assert(false, \"wrong size\");\n")
        self.assertNotEqual(self.run_script("compile_fail.py", self.root / "a.cpp", *compiler), 0)
        self.write("a.cpp", "// expect: wrong size\n")
        self.assertNotEqual(self.run_script("compile_fail.py", self.root / "a.cpp", *compiler), 0)

    def test_run_example(self):
        self.write("out.txt", "one\n~ t[a-z]o\n")
        expected = ("--expected", self.root / "out.txt", "--")
        self.assertEqual(self.run_script("run_example.py", *expected, "printf", "one\ntwo\n"), 0)
        self.assertNotEqual(self.run_script("run_example.py", *expected, "printf", "one\nthree\n"), 0)
        self.assertNotEqual(self.run_script("run_example.py", *expected, "printf", "one\n"), 0)
        self.assertEqual(self.run_script("run_example.py", "--fails", "--", "false"), 0)
        self.assertNotEqual(self.run_script("run_example.py", "--fails", "--", "true"), 0)
        self.assertNotEqual(self.run_script("run_example.py", "--fails", "--", "sh", "-c", "kill -SEGV $$"), 0)


if __name__ == "__main__":
    unittest.main()
