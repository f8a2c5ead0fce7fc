"""The jobs of a comparison: every library as a set of ranks that sleep until they are told to measure."""
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

FLAG_BYTES = 4096


class JobFailed(Exception):
    """A job did not start, died, or said that something is wrong."""


class Control:
    """Where ranks call home: a socket without a name in the file system."""

    def __init__(self):
        self.name = f"chorus-compare-{os.getpid()}-{secrets.token_hex(4)}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(b"\0" + self.name.encode())
        self.socket.listen(64)

    def accept(self, timeout):
        self.socket.settimeout(timeout)
        return self.socket.accept()[0]

    def close(self):
        self.socket.close()


class Rank:
    def __init__(self, connection):
        self.connection = connection
        self.pending = b""

    def send(self, line):
        self.connection.sendall(line.encode() + b"\n")

    def receive(self, timeout):
        self.connection.settimeout(timeout)
        while b"\n" not in self.pending:
            more = self.connection.recv(1 << 16)
            if not more:
                raise JobFailed("a rank has ended")
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode(errors="replace")


class Job:
    """`launch(common)` returns the programs to start, as (words, variables); `common` are the words that every worker wants first."""

    def __init__(self, name, ranks, launch, control, start_timeout=60, answer_timeout=120):
        self.name, self.size, self.answer_timeout = name, ranks, answer_timeout
        self.folder = Path(tempfile.mkdtemp(prefix=f"chorus-compare-{name}-"))
        self.flags = os.memfd_create(f"flags of {name}")
        os.truncate(self.flags, FLAG_BYTES)
        self.log = open(self.folder / "log", "w+", encoding="utf-8", errors="replace")
        self.programs, self.ranks = [], []
        try:
            common = [name, control.name, f"/proc/{os.getpid()}/fd/{self.flags}"]
            for words, variables in launch(common, self.folder):
                # A group of its own, to be ended; no session of its own, which the system may schedule apart from the other ranks.
                self.programs.append(subprocess.Popen(words, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=self.log,
                                                      stderr=subprocess.STDOUT, process_group=0))
            self.version = self.gather(control, start_timeout)
        except BaseException:
            self.close()
            raise

    def gather(self, control, timeout):
        found, version = {}, ""
        while len(found) < self.size:
            try:
                rank = Rank(control.accept(min(timeout, 1)))
            except TimeoutError:
                timeout -= 1
                if timeout <= 0 or all(program.poll() is not None for program in self.programs):
                    raise JobFailed(f"{self.name} did not start{self.last_words()}") from None
                continue
            job, number, size, version = rank.receive(10).split(" ", 3)
            if job != self.name or int(size) != self.size:
                raise JobFailed(f"{self.name} did not start as one job of {self.size} ranks, but of {size}")
            found[int(number)] = rank
        self.ranks = [found[number] for number in range(self.size)]
        return version.strip()

    def ask(self, line):
        """The answers of all ranks, as words."""
        try:
            for rank in self.ranks:
                rank.send(line)
            answers = [rank.receive(self.answer_timeout) for rank in self.ranks]
        except (JobFailed, OSError) as why:
            raise JobFailed(f"{self.name}: {line}: {why}{self.last_words()}") from None
        for number, answer in enumerate(answers):
            if not answer.startswith("ok"):
                raise JobFailed(f"{self.name}: {line}: rank {number}: {answer}{self.last_words()}")
        return [answer.split()[1:] for answer in answers]

    def run(self, path, collective, size, iterations):
        """Microseconds of each iteration, the most over all ranks; and how many elements were wrong."""
        answers = self.ask(f"run {path} {collective} {size} {iterations}")
        wrong = sum(int(answer[0]) for answer in answers)
        return [max(map(int, each)) / 1e3 for each in zip(*(answer[1:] for answer in answers))], wrong

    def probe(self):
        return float(self.ask("probe 20")[0][0])

    def last_words(self):
        self.log.flush()
        lines = (self.folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "".join(f"\n    {line}" for line in lines[-6:])

    def close(self):
        for rank in self.ranks:
            try:
                rank.send("quit")
            except OSError:
                pass
        for program in self.programs:
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                pass
            try:  # what is left of its group
                os.killpg(program.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            program.wait()
        for rank in self.ranks:
            rank.connection.close()
        self.log.close()
        os.close(self.flags)
        shutil.rmtree(self.folder, ignore_errors=True)


def processors():
    return len(os.sched_getaffinity(0))


def mpirun_openmpi(ranks, *extra):
    words = ["mpirun.openmpi", "--bind-to", "none", *extra]  # the workers pin themselves, all alike
    if os.geteuid() == 0:
        words.append("--allow-run-as-root")
    if ranks > processors():
        words.append("--oversubscribe")
    return [*words, "-n", str(ranks)]


def launchers(programs, ranks, largest):
    """Job -> (worker, how to start it). A job whose worker is not built is left out by who asks."""
    def chorus_processes(common, folder):
        store = folder / "store"
        store.mkdir()
        return [([programs / "compare_chorus", *common, "processes"],
                 {"CHORUS_RANK": str(rank), "CHORUS_SIZE": str(ranks), "CHORUS_STORE": f"file:{store}"}) for rank in range(ranks)]

    def gloo(common, folder):
        store = folder / "store"
        store.mkdir()
        return [([programs / "compare_gloo", *common, str(rank), str(ranks), str(store)], {}) for rank in range(ranks)]

    def one(*words):
        return lambda common, folder: [([*words[0], words[1], *common, *words[2:]], {})]

    mpich = ["mpirun.mpich", "-bind-to", "none", "-n", str(ranks)]
    return {
        "chorus": ("compare_chorus", chorus_processes),
        "chorus-threads": ("compare_chorus", one([], programs / "compare_chorus", "threads", str(ranks))),
        "chorus-mpi": ("compare_chorus", one(mpirun_openmpi(ranks), programs / "compare_chorus", "mpi")),
        "openmpi": ("compare_openmpi", one(mpirun_openmpi(ranks), programs / "compare_openmpi")),
        "openmpi-sm": ("compare_openmpi", one(mpirun_openmpi(ranks, "--mca", "coll_sm_priority", "90"), programs / "compare_openmpi")),
        "mpich": ("compare_mpich", one(mpich, programs / "compare_mpich")),
        "gloo": ("compare_gloo", gloo),
        "floor": ("compare_floor", one([], programs / "compare_floor", str(ranks), str(largest))),
    }


class Jobs:
    """All jobs of one number of ranks, and the two ranks of the probe."""

    def __init__(self, programs, ranks, largest, wanted, say):
        self.control, self.say, self.missing, self.of = Control(), say, {}, {}
        how = launchers(programs, ranks, largest)
        try:
            self.probe_job = Job("probe", 2, launchers(programs, 2, 4096)["floor"][1], self.control)
            for name in wanted:
                worker, launch = how[name]
                if not (programs / worker).exists():
                    self.lose(name, f"{worker} is not built (scripts/setup --compare installs what it needs)")
                    continue
                try:
                    self.of[name] = Job(name, ranks, launch, self.control)
                except (JobFailed, OSError) as why:
                    self.lose(name, str(why))
        except BaseException:
            self.close()
            raise

    def lose(self, name, why):
        self.missing[name] = why
        self.say(f"compare: without {name}: {why}")
        job = self.of.pop(name, None)
        if job:
            job.close()

    def versions(self):
        return {name: job.version for name, job in self.of.items()}

    def drop(self):
        for name in list(self.of):
            try:
                self.of[name].ask("drop")
            except JobFailed as why:
                self.lose(name, str(why))

    def close(self):
        for job in [*self.of.values(), *([self.probe_job] if hasattr(self, "probe_job") else [])]:
            job.close()
        self.control.close()


if __name__ == "__main__":
    sys.exit("bench/compare/compare is the program")
