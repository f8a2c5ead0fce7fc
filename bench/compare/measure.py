"""What is measured, in which order, and what becomes of the samples."""
import statistics
import time
from dataclasses import dataclass, field

from jobs import JobFailed, Jobs

COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast")
NEAR_NS = 230     # a flag round trip between cores that are near each other takes 50 to 125 ns, far ones 350 to 540
DISTURBED_NS = 1500
SHORT, LONG = 64 << 10, 64 << 20  # bytes
MANY_BYTES = 1 << 30  # buffers of all jobs together, from which on they are given back after every sample


@dataclass(frozen=True)
class Series:
    name: str
    job: str
    path: str
    kind: str  # chorus, library (a peer as it is installed), tuned, written (by hand), floor


SERIES = (
    Series("private", "chorus", "private", "chorus"),
    Series("direct", "chorus", "direct", "chorus"),
    Series("threads", "chorus-threads", "threads", "chorus"),
    Series("mpi", "chorus-mpi", "mpi", "chorus"),
    Series("hosts", "chorus-mpi", "hosts", "chorus"),
    Series("openmpi", "openmpi", "private", "library"),
    Series("mpich", "mpich", "private", "library"),
    Series("gloo", "gloo", "private", "library"),
    Series("openmpi-sm", "openmpi-sm", "private", "tuned"),
    Series("openmpi-window", "openmpi", "window", "written"),
    Series("mpich-window", "mpich", "window", "written"),
    Series("floor", "floor", "plain", "floor"),
    Series("floor-loop", "floor", "loop", "floor"),
    Series("floor-streaming", "floor", "streaming", "floor"),
    Series("floor-one-shot", "floor", "one_shot", "floor"),
    Series("floor-slots", "floor", "slots", "floor"),
)


@dataclass(frozen=True)
class Cell:
    collective: str
    ranks: int
    size: int

    def has(self, series):
        if series.path == "streaming":
            return self.size >= 4096
        if series.path == "loop":
            return self.size >= 4096 and self.collective not in ("all_reduce", "reduce_scatter")
        if series.path == "slots":
            return self.size <= 32 << 10
        if series.path == "one_shot":
            return self.collective == "all_reduce" and self.size <= 1 << 20
        return True


@dataclass
class Samples:
    medians: list = field(default_factory=list)  # of each round
    iterations: int = 0
    wrong: int = 0


def cells(ranks, collectives, sizes):
    """Blocks are whole floats: the smallest sizes grow with the ranks."""
    for collective in collectives:
        blocks = collective not in ("all_reduce", "broadcast")
        seen = set()
        for size in sizes:
            least = 4 * ranks if blocks else 4
            size = max(size, least) // least * least
            if size not in seen:
                seen.add(size)
                yield Cell(collective, ranks, size)


def placement_of(probes):
    kinds = {"near" if ns < NEAR_NS else "far" if ns < DISTURBED_NS else "disturbed" for ns in probes}
    return kinds.pop() if len(kinds) == 1 else "mixed"


class Plan:
    """How long: `budget` seconds for a sample, `rounds` of them; more and shorter ones for short vectors, fewer for long ones."""

    def __init__(self, budget, rounds):
        self.budget, self.rounds = budget, rounds

    def rounds_for(self, size):
        return 2 * self.rounds - 1 if size <= SHORT else self.rounds if size < LONG else min(self.rounds, 2)

    def iterations(self, job, series, cell):
        """So many that a sample takes the budget, writing and reading included."""
        if cell.size >= LONG:
            return 2
        budget = self.budget / 2 if cell.size <= SHORT else self.budget
        for tried in (2, 25):  # the first touches what is touched once
            start = time.perf_counter()
            times, _ = job.run(series.path, cell.collective, cell.size, tried)
            # Of both the less: the first has waited for its turn, too, and the second is a guess at the writing and reading.
            each = min((time.perf_counter() - start) / (tried + 1), 3e-6 * statistics.median(times) + cell.size / 4e9 + 1e-6)
            if each * 25 > budget:
                break
        return int(min(max(budget / each, 3), 4000))


class Comparison:
    def __init__(self, programs, wanted, plan, say, progress):
        self.programs, self.wanted, self.plan, self.say, self.progress = programs, wanted, plan, say, progress
        self.results, self.versions, self.missing = [], {}, {}

    def run(self, ranks, todo):
        needed = {series.job for series in self.wanted}
        order = list(dict.fromkeys(series.job for series in SERIES if series.job in needed))
        jobs = Jobs(self.programs, ranks, max(cell.size for cell in todo), order, self.say)
        try:
            self.versions.update(jobs.versions())
            for cell in todo:
                self.progress(cell)
                self.measure(jobs, cell)
                jobs.drop()
        finally:
            self.missing.update(jobs.missing)
            jobs.close()

    def measure(self, jobs, cell):
        series = [each for each in self.wanted if cell.has(each)]
        gives_back = 2 * cell.size * cell.ranks * len(series) > MANY_BYTES
        samples, regimes, trips = {each.name: Samples() for each in series}, [], []
        for number in range(self.plan.rounds_for(cell.size)):
            probes = [jobs.probe_job.probe()]
            # Nobody is always first, nor always after the same one.
            shift = number % len(series)
            for each in (series[shift:] + series[:shift])[:: -1 if number % 2 else 1]:
                if each.job not in jobs.of:
                    continue
                try:
                    self.sample(jobs.of[each.job], each, cell, samples[each.name])
                    if gives_back:
                        jobs.of[each.job].ask("drop")
                except JobFailed as why:
                    jobs.lose(each.job, str(why))
                probes.append(jobs.probe_job.probe())
            regimes.append(placement_of(probes))
            trips += probes
        self.results += conclude(cell, series, samples, regimes, statistics.median(trips))

    def sample(self, job, series, cell, into):
        if not into.iterations:
            into.iterations = self.plan.iterations(job, series, cell)
        times, wrong = job.run(series.path, cell.collective, cell.size, into.iterations)
        into.medians.append(statistics.median(times))
        into.wrong += wrong


def conclude(cell, series, samples, regimes, trip):
    """One row per path of Chorus, from the rounds of the placement that most rounds had."""
    placement = max(("near", "far"), key=regimes.count)
    if regimes.count(placement) * 2 < len(regimes):
        placement = "mixed"
    chosen = [i for i, regime in enumerate(regimes) if placement in (regime, "mixed")]
    of = {}
    for each in series:
        medians = samples[each.name].medians
        if len(medians) == len(regimes):  # one that failed on the way is no sample
            of[each.name] = [medians[i] for i in chosen]
    value = {name: round(statistics.median(times), 3) for name, times in of.items()}
    kind = {each.name: each.kind for each in series}

    def best(*kinds):
        return min((name for name in value if kind[name] in kinds), key=value.get, default=None)

    def ratio(name, chorus):
        return round(value[name] / value[chorus], 3) if name else None

    bound = best("floor")
    rows = []
    for path in (each.name for each in series if each.kind == "chorus" and each.name in value):
        library, tuned, written = best("library"), best("tuned"), best("written")
        rows.append({
            "collective": cell.collective,
            "ranks": cell.ranks,
            "bytes": cell.size,
            "chorus_us": value[path],
            "chorus_path": path,
            "peers": {name: us for name, us in value.items() if kind[name] in ("library", "tuned", "written")},
            "best_peer": library,
            "ratio": ratio(library, path),
            "tuned_ratio": ratio(tuned, path),
            "written_ratio": ratio(written, path),
            "bound_us": value[bound] if bound else None,
            "bound": bound,
            "placement": placement,
            "flag_ns": round(trip, 1),
            "rounds": len(chosen),
            "rounds_measured": len(regimes),
            "iterations": samples[path].iterations,
            "spread_us": {name: [round(min(times), 3), round(max(times), 3)] for name, times in of.items() if name == path or kind[name] != "chorus"},
            "correct": samples[path].wrong == 0,
            "wrong": sorted(name for name in value if samples[name].wrong),
        })
    return rows
