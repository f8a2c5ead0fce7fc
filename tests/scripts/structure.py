"""Checks the house against its plan: who includes whom, complete umbrella headers, sizes, nothing left unfinished.

    structure.py ROOT
"""
import fnmatch
import re
import sys
from pathlib import Path

# Rooms, and who may enter whom. Every room may include itself; chorus/*.hpp, the umbrella headers, may include all.
COLLECTIVE_SIDE = {
    "core": set(),
    "pattern": {"core"},
    "schedule": {"core"},
    "algorithm": {"core", "pattern", "schedule"},
    "verify": {"core", "schedule"},
    "kernel": {"core"},
    "transport": {"core", "kernel"},
    "tuning": {"core", "algorithm", "kernel", "transport"},
    "runtime": {"core", "pattern", "schedule", "algorithm", "verify", "kernel", "transport", "tuning"},
}
NETWORK_SIDE = {
    "network": {"core"},
    "traffic": {"core", "pattern", "schedule", "algorithm", "network"},
    "sim": {"core", "network", "traffic"},
    "paths": {"core", "network", "traffic", "sim"},
    "report": {"core", "network", "traffic", "sim", "paths"},
    "json": {"core", "network", "traffic", "sim", "paths", "report"},
}
ROOMS = COLLECTIVE_SIDE | NETWORK_SIDE

# (header, what it includes) that the table forbids, and why it is right all the same.
INCLUDE_EXCEPTIONS = {
    ("transport/mpi.hpp", "runtime/communicator.hpp"): "what a user of MPI includes: mpi_session hands out communicators",
    ("transport/mpi.hpp", "runtime/context.hpp"): "the same",
    ("transport/mpi_hosts.hpp", "runtime/communicator.hpp"): "the same, over shared memory within hosts",
    ("transport/verbs.hpp", "runtime/communicator.hpp"): "what a user of verbs includes: verbs_session hands out communicators",
    ("transport/verbs.hpp", "runtime/context.hpp"): "the same",
    ("transport/verbs.hpp", "runtime/session.hpp"): "the same: what a launcher says",
    ("transport/verbs_hosts.hpp", "runtime/communicator.hpp"): "the same, over shared memory within hosts",
    ("transport/verbs_hosts.hpp", "runtime/context.hpp"): "the same",
}

# Umbrella header -> the rooms of which it includes every header, directly or not.
UMBRELLAS = {"chorus.hpp": COLLECTIVE_SIDE, "planning.hpp": NETWORK_SIDE}

# Headers that no umbrella includes, and why.
NOT_UNDER_UMBRELLA = {
    "transport/mpi*": "needs MPI: included on top by those who have it",
    "transport/detail/mpi*": "the same",
    "core/flow_label*": "of the network side, and of transports over a fabric",
    "core/path_table*": "for transports over a fabric",
    "transport/verbs*": "needs libibverbs: included on top by those who have it",
    "transport/detail/verbs*": "the same",
    "transport/detail/side_channel*": "the same: beside the devices' own connections",
    "transport/detail/registration_cache*": "the same: what a device knows",
    "transport/detail/memory_monitor*": "the same",
    "transport/detail/address_counts*": "the same",
    "transport/store_server*": "for launchers",
    "transport/routed*": "for those who put two transports together",
    "transport/decorators*": "decorators for tests",
    "transport/detail/held_back*": "the same",
    "algorithm/catalogue*": "all algorithms by name are for tests and tools, and cost compile time",
    "algorithm/parse*": "the same",
    "tuning/file*": "for those who ask for it, and costs compile time",
    "runtime/measure*": "the same",
    "runtime/calibrate*": "the same",
    "runtime/explain_choice*": "the same: it knows the whole catalogue",
    "runtime/progress_thread*": "for those who ask for it",
    "runtime/fusion*": "the same",
    "runtime/coroutine*": "the same: the standard's <coroutine> is not free",
    "runtime/trace*": "the same",
    "verify/*": "proofs are for tests and tools, and cost compile time",
    "json/*": "needs nlohmann/json: files, included on top by those who have it (chorus::json)",
    "schedule/print*": "pictures are for tests and tools, and cost compile time",
}

# What an umbrella header must not reach: it is to compile with the standard library alone.
FOREIGN = re.compile(r"mpi\.h$|(nlohmann|fmt|CLI|catch2|benchmark|infiniband|rdma)/")

HEADER_LINES = 300
EXAMPLE_LINES = 60
# Headers that are longer than that, and why they are one idea all the same.
LONG_HEADERS = {
    "transport/threads.hpp": "a transport is one file that one reads in one sitting",
    "transport/detail/mpi_transport.hpp": "the same",
    "transport/shm.hpp": "the same",
    "transport/detail/shm_messages.hpp": "the second half of shm.hpp",
    "transport/detail/side_channel.hpp": "one connection's life, from address to end",
    "transport/detail/verbs_messages.hpp": "the second half of verbs_transport.hpp",
}

# Put together here, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
TEXT = {".hpp", ".cpp", ".py", ".cmake", ".md", ".txt", ".in", ".json", ""}
FOLDERS = ("include", "src", "tests", "examples", "bench", "tools", "scripts", "cmake", "docs", ".ci")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def read(path):
    return path.read_text(encoding="utf-8")


def line_count(path):
    return len(read(path).splitlines())


class House:
    def __init__(self, root):
        self.root = Path(root)
        self.base = self.root / "include" / "chorus"
        # "core/slice.hpp" -> what it includes: ("core/errors.hpp", True) of ours, ("vector", False) of others'
        self.includes = {
            path.relative_to(self.base).as_posix(): [self.resolve(path, *found) for found in INCLUDE.findall(read(path))]
            for path in sorted(self.base.rglob("*.hpp"))
        }

    def resolve(self, path, quote, name):
        if name.startswith("chorus/"):
            return name.removeprefix("chorus/"), True
        beside = (path.parent / name).resolve()
        if quote == '"' and beside.is_relative_to(self.base.resolve()):
            return beside.relative_to(self.base.resolve()).as_posix(), True
        return name, False

    def closure(self, header):
        """Our headers that `header` reaches, itself included, and the others' headers."""
        ours, others, pending = {header}, set(), [header]
        while pending:
            for name, is_ours in self.includes.get(pending.pop(), []):
                if not is_ours:
                    others.add(name)
                elif name not in ours:
                    ours.add(name)
                    pending.append(name)
        return ours, others

    def doors(self):
        for header, includes in self.includes.items():
            if "/" not in header:
                continue
            room = header.split("/")[0]
            if room not in ROOMS:
                yield f"include/chorus/{header}: `{room}` is no room of the plan"
                continue
            for name, is_ours in includes:
                if not is_ours or (header, name) in INCLUDE_EXCEPTIONS:
                    continue
                if name not in self.includes:
                    yield f"include/chorus/{header}: includes {name}, which does not exist"
                elif "/" not in name:
                    yield f"include/chorus/{header}: includes the umbrella header {name}"
                elif name.split("/")[0] not in ROOMS[room] | {room}:
                    yield f"include/chorus/{header}: {room} may not include {name}"
        for header, name in INCLUDE_EXCEPTIONS:
            if (name, True) not in self.includes.get(header, []):
                yield f"{header} no longer includes {name}: strike the exception"

    def umbrellas(self):
        for umbrella, rooms in UMBRELLAS.items():
            wanted = {
                header
                for header in self.includes
                if "/" in header
                and header.split("/")[0] in rooms
                and not any(fnmatch.fnmatch(header, pattern) for pattern in NOT_UNDER_UMBRELLA)
            }
            if umbrella not in self.includes:
                # Rooms are built before the roof, but not without one.
                if wanted:
                    yield f"include/chorus/{umbrella} is missing"
                continue
            ours, others = self.closure(umbrella)
            for header in sorted(wanted - ours):
                yield f"include/chorus/{umbrella}: does not include {header}"
            for name in sorted(filter(FOREIGN.match, others)):
                yield f"include/chorus/{umbrella}: reaches <{name}>, which is not of the standard library"

    def sizes(self):
        for header in self.includes:
            lines = line_count(self.base / header)
            if lines > HEADER_LINES and header not in LONG_HEADERS:
                yield f"include/chorus/{header}: {lines} lines, more than {HEADER_LINES}"
        for header in LONG_HEADERS:
            if header not in self.includes or line_count(self.base / header) <= HEADER_LINES:
                yield f"include/chorus/{header} is no longer long: strike it from the list"
        for example in sorted((self.root / "examples").rglob("*.cpp")):
            lines = line_count(example)
            if lines > EXAMPLE_LINES:
                yield f"{example.relative_to(self.root)}: {lines} lines, more than {EXAMPLE_LINES}"

    def examples(self):
        folder = self.root / "examples"
        names = {path.name.removesuffix(".cpp").removesuffix(".plugin") for path in folder.glob("*.cpp")}
        for path in sorted((folder / "expected").glob("*.txt")):
            if path.stem not in names:
                yield f"examples/expected/{path.name}: there is no such example"
        listing = folder / "README.md"
        listed = read(listing) if listing.exists() else ""
        for name in sorted(names):
            if name not in listed:
                yield f"examples/README.md: does not list {name}"

    def finished(self):
        for folder in FOLDERS:
            for path in sorted((self.root / folder).rglob("*")):
                if not path.is_file() or path.suffix not in TEXT or "__pycache__" in path.parts:
                    continue
                for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                    if UNFINISHED.search(line):
                        yield f"{path.relative_to(self.root)}:{number}: unfinished: {line.strip()}"

    def faults(self):
        for check in (self.doors, self.umbrellas, self.sizes, self.examples, self.finished):
            yield from check()


if __name__ == "__main__":
    faults = list(House(sys.argv[1]).faults())
    print("\n".join(faults))
    sys.exit(bool(faults))
