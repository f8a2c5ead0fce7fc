"""Checks that the documents tell the truth: paths exist, code compiles or is in the file it comes from, commands can be run.

    docs.py ROOT --compiler CXX [--mpi-include DIR]...

Paths         in backticks or as link targets. `<name>` and `*` stand for anything, something must match.
```cpp        compiles; a block without #include stands in a function, after <chorus/chorus.hpp>, or else in a file.
              A comment <!-- given: ... --> before it declares what the block takes for granted.
              After <!-- file: PATH -->, or beginning with `// file: PATH`, it must be an excerpt of that file instead;
              a line `// ...` leaves out some of it.
```sh         (also bash, console: there, what follows `$ `) names scripts and programs that exist.
"""
import argparse
import concurrent.futures
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^( *)(```+)(\S*)[ \t]*(.*)$")
COMMENT = re.compile(r"<!--\s*(file|given):((?:(?!-->).)*)-->\s*\Z", re.DOTALL)
# Words of a command that come before the command itself, and how many words each takes along.
PREFIXES = {"sudo": 0, "time": 0, "exec": 0, "env": 0}
MPIRUN = re.compile(r"mpirun(\.openmpi)?$")
MPIRUN_WITH_VALUE = {"-n", "-np", "--host", "--hostfile", "-x", "--map-by", "--bind-to"}
SHELL = {"cd", "export", "source", "echo", "for", "do", "done", "if", "then", "fi", "set"}
# Programs that a reader has, though this machine need not.
KNOWN = {"git", "cmake", "ctest", "ninja", "g++", "clang++", "c++", "pkg-config", "dot", "python3", "apt-get", "mpirun", "mpicxx",
         "chorus", "rsvg-convert", "perf", "gdb", "taskset", "numactl", "clang-format", "jq"}


@dataclass
class Block:
    language: str
    note: str      # what stands after the language
    line: int      # of the fence
    text: list
    before: str    # the document up to the fence


def split(text):
    """A document's blocks of code, and the document without them (line by line, so that numbers stay)."""
    blocks, prose, lines = [], [], text.splitlines()
    index = 0
    while index < len(lines):
        opening = FENCE.match(lines[index])
        if not opening:
            prose.append(lines[index])
            index += 1
            continue
        indent, fence, language, note = opening.groups()
        start = index
        index += 1
        while index < len(lines) and lines[index].strip() != fence:
            index += 1
        body = [line.removeprefix(indent) for line in lines[start + 1 : index]]
        blocks.append(Block(language, note, start + 1, body, "\n".join(prose)))
        # No blank lines, or the comment before this block would seem to stand before the next one.
        prose += ["(code)"] * (index - start + 1)
        index += 1
    return blocks, prose[: len(lines)]


class Documents:
    def __init__(self, root, compiler, mpi_includes):
        self.root = root
        self.compiler = compiler
        self.mpi_includes = mpi_includes
        self.tops = {path.name for path in root.iterdir() if not path.name.startswith(".git")} | {"build"}
        presets = root / "CMakePresets.json"
        self.presets = set()
        if presets.exists():
            for kind, entries in json.loads(presets.read_text()).items():
                if kind.endswith("Presets"):
                    self.presets |= {entry["name"] for entry in entries if not entry.get("hidden")}

    # Paths

    def built(self, path):
        """Whether the build makes `path`, which begins with build/."""
        name = re.sub(r"^build/(\w+/)??bin/", "", path)
        if name == path:
            return True  # some other file that somebody writes there
        if name == "chorus":
            return True
        if name.startswith("examples/"):
            stem = self.root / "examples" / name.removeprefix("examples/").removesuffix(".so")
            return any(Path(f"{stem}{suffix}").exists() for suffix in (".cpp", ".plugin.cpp")) or "*" in name or name.endswith("/")
        return (self.root / "bench" / (name.removeprefix("bench_") + ".cpp")).exists()

    def exists(self, path, folder):
        path = path.removeprefix("./")
        if path.startswith("build/") or path == "build":
            return self.built(path)
        pattern = re.sub(r"<[^>]*>", "*", path).rstrip("/")
        for base in (self.root, self.root / "include", self.root / "include/chorus", folder):
            if any(base.glob(pattern)) if "*" in pattern else (base / pattern).exists():
                return True
        return False

    def looks_like_path(self, text):
        if not re.fullmatch(r"[\w.*/<>+-]+", text) or re.fullmatch(r"[\d./]+", text) or text.startswith("/"):
            return False
        if re.search(r"\.(hpp|cpp|md|py|cmake|txt|json)$", text):
            return not text.startswith("*.")
        first = text.removeprefix("./").split("/")[0]
        return "/" in text and (first in self.tops or (self.root / "include/chorus" / first).is_dir())

    def paths(self, document, prose):
        for number, line in enumerate(prose, 1):
            mentioned = [re.sub(r":\d+$", "", text.removeprefix("<").removesuffix(">") if re.fullmatch(r"<[\w/.]+>", text) else text)
                         for text in re.findall(r"`([^`]+)`", line)]
            links = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", line)]
            for text in mentioned:
                # A path that a reader is to write, say "your/program.cpp", is not one of ours.
                if self.looks_like_path(text) and not self.exists(text, document.parent):
                    yield f"{number}: `{text}` does not exist"
            for target in links:
                if target and "://" not in target and not target.startswith("mailto:"):
                    if not (document.parent / target).exists():
                        yield f"{number}: the link to {target} leads nowhere"

    # Code

    def excerpt(self, block, path):
        source = self.root / path
        if not source.is_file():
            return f"{path} does not exist"
        lines = [line.rstrip() for line in source.read_text(encoding="utf-8").splitlines()]
        position = 0
        for piece in re.split(r"^\s*// \.\.\.\s*$", "\n".join(block), flags=re.MULTILINE):
            wanted = [line.rstrip() for line in piece.strip("\n").splitlines()]
            if not wanted:
                continue
            for start in range(position, len(lines) - len(wanted) + 1):
                if self.same(lines[start : start + len(wanted)], wanted):
                    position = start + len(wanted)
                    break
            else:
                return f"is no excerpt of {path}; first line: {wanted[0].strip()}"
        return None

    @staticmethod
    def same(lines, wanted):
        """Whether they are equal but for an indentation common to all lines."""
        indent = len(lines[0]) - len(lines[0].lstrip()) - (len(wanted[0]) - len(wanted[0].lstrip()))
        return indent >= 0 and all(line == (" " * indent + want if want else "") for line, want in zip(lines, wanted))

    def compile(self, text):
        command = [self.compiler, "-std=c++20", "-fsyntax-only", "-I", str(self.root / "include")]
        for folder in self.mpi_includes:
            command += ["-isystem", folder]
        with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
            file.write(text)
            file.flush()
            result = subprocess.run([*command, file.name], capture_output=True, text=True)
        return None if result.returncode == 0 else result.stderr

    def code(self, block):
        given = ""
        comment = COMMENT.search(block.before)
        if block.note:
            return f"```cpp {block.note}: code that nobody checks is not allowed"
        if comment and comment[1] == "file":
            return self.excerpt(block.text, comment[2].strip())
        if comment:
            given = comment[2]
        if block.text and (first := re.fullmatch(r"// file: (\S+)\s*", block.text[0])):
            return self.excerpt(block.text[1:], first[1])
        text = "\n".join(block.text)
        if re.search(r"^\s*#\s*include\b", text, re.MULTILINE):
            if "chorus/transport/mpi.hpp" in text and not self.mpi_includes:
                print("skipped: a block that needs MPI")
                return None
            return self.compile(f"{given}\n{text}\n")
        prelude = "#include <chorus/chorus.hpp>\n#include <cstdio>\n#include <iostream>\n"
        if re.search(r"\bmain\s*\(", text):
            return self.compile(f"{prelude}{given}\n{text}\n")
        error = self.compile(f"{prelude}void snippet() {{\n{given}\n{text}\n}}\n")
        if error and not self.compile(f"{prelude}{given}\n{text}\n"):
            return None
        return error

    # Commands

    def commands(self, block):
        text = "\n".join(block.text)
        if block.language == "console":
            text = "\n".join(line[2:] for line in block.text if line.startswith("$ "))
        text = text.replace("\\\n", " ")
        for line in text.splitlines():
            try:
                lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                words = list(lexer)
            except ValueError as error:
                yield f"`{line.strip()}`: {error}"
                continue
            command = []
            for word in [*words, ";"]:
                if re.fullmatch(r"[;&|()]+", word):
                    if command and (fault := self.command(command)):
                        yield f"`{line.strip()}`: {fault}"
                    command = []
                else:
                    command.append(word)

    def command(self, words):
        while words and (words[0] in PREFIXES or re.match(r"\w+=", words[0])):
            words = words[1:]
        if words and MPIRUN.fullmatch(Path(words[0]).name):
            words = words[1:]
            while words and words[0].startswith("-"):
                words = words[2 if words[0] in MPIRUN_WITH_VALUE else 1 :]
        if not words:
            return None
        name = words[0]
        for option, value in zip(words, words[1:]):
            if name in ("cmake", "ctest") and option == "--preset" and value not in self.presets:
                return f"there is no preset {value}"
        if "/" in name:
            path = self.root / name
            if name.removeprefix("./").startswith("build/"):
                return None if self.built(name.removeprefix("./")) else f"{name} is not built here"
            if re.match(r"\./[\w.-]+$", name) and not path.exists():
                return None  # what the reader has just compiled
            if not path.is_file():
                return f"{name} does not exist"
            return None if path.stat().st_mode & 0o100 else f"{name} cannot be executed"
        if name in KNOWN | SHELL or shutil.which(name):
            return None
        return f"nobody knows {name}"

    # All of it

    def faults(self, pool):
        found = [self.root / name for name in ("README.md", "CONTRIBUTING.md")]
        found += sorted((self.root / "docs").rglob("*.md")) + sorted((self.root / "examples").rglob("*.md"))
        pending = []
        for document in filter(Path.is_file, found):
            name = document.relative_to(self.root)
            blocks, prose = split(document.read_text(encoding="utf-8"))
            for fault in self.paths(document, prose):
                yield f"{name}:{fault}"
            for block in blocks:
                where = f"{name}:{block.line}"
                if block.language in ("cpp", "c++", "cxx"):
                    pending.append((where, pool.submit(self.code, block)))
                elif block.language in ("sh", "bash", "shell", "console"):
                    for fault in self.commands(block):
                        yield f"{where}: {fault}"
        for where, fault in pending:
            if fault.result():
                yield f"{where}: {fault.result()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--mpi-include", action="append", default=[])
    options = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        faults = list(Documents(options.root.resolve(), options.compiler, options.mpi_include).faults(pool))
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
