/// Random programs against a serial reference: collectives of all kinds, by all algorithms, on threads and processes.
///
///     test_differential --seconds 20            programs of new seeds
///     test_differential --seed 17 --programs 1  that one again; add what was given to the run that found it (--ranks,
///     --bytes, ...)
///
/// A fault of timing needs the same program several times: --repeat.

#include "hang.hpp"
#include "runner.hpp"
#include "support/sanitized.hpp"
#include "support/seed.hpp"

#include <chorus/runtime/run_processes.hpp>
#include <chorus/runtime/run_threads.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

using namespace chorus;
using namespace chorus::testing;

namespace {

struct settings {
    std::uint64_t seed = test_seed() % 1'000'000'000;
    double seconds = 20;
    long programs = 1'000'000'000;
    int repeat = 1;
    std::string transport = "any";
    int ranks = 0;
    std::size_t bytes = std::size_t{CHORUS_SANITIZED ? 4 : 64} << 20;
    int steps = 40;
};

/// Runs the program of one seed on all ranks. False where it threw.
bool run_seed(std::uint64_t seed, settings const& how, tally& counts) {
    std::mt19937_64 random(seed);
    program_limits limits;
    limits.steps = how.steps;
    limits.ranks = how.ranks > 0 ? how.ranks : static_cast<int>(2 + random() % 8);
    limits.bytes = std::min(how.bytes, (std::size_t{256} << 20) /
                                           static_cast<std::size_t>(limits.ranks)); // of memory, over all ranks
    auto const processes = how.transport == "any" ? random() % 2 == 0 : how.transport == "processes";
    auto const steps = program_writer(random(), limits).write();
    auto const work = [&](communicator& comm) {
        memory_pool memory(comm);
        program_run(comm, memory, seed, counts).run(steps);
    };
    hang_guard const guard(580, "seed " + std::to_string(seed));
    options patient;
    patient.timeout = std::chrono::seconds(120);
    try {
        if (processes)
            run_processes(limits.ranks, patient, work);
        else
            run_threads(limits.ranks, patient, work);
    } catch (std::exception const& e) {
        std::printf("FAILED: seed %llu, %d %s: %s\n", static_cast<unsigned long long>(seed), limits.ranks,
                    processes ? "processes" : "threads", e.what());
        std::fflush(stdout);
        return false;
    }
    return true;
}

} // namespace

int main(int argc, char** argv) {
    settings how;
    CLI::App app("random programs of collectives, compared with a serial reference");
    app.add_option("--seed", how.seed, "of the first program; CHORUS_TEST_SEED is the same");
    app.add_option("--seconds", how.seconds, "no program starts later");
    app.add_option("--programs", how.programs, "at most so many, of seeds one after the other");
    app.add_option("--repeat", how.repeat, "each program so often");
    app.add_option("--transport", how.transport, "threads, processes or any")
        ->check(CLI::IsMember({"threads", "processes", "any"}));
    app.add_option("--ranks", how.ranks, "2 to 9; 0: by seed")->check(CLI::Range(0, 64));
    app.add_option("--bytes", how.bytes, "of the longest vector");
    app.add_option("--steps", how.steps, "of a program");
    CLI11_PARSE(app, argc, argv);

    std::printf("first seed %llu\n", static_cast<unsigned long long>(how.seed));
    std::fflush(stdout);
    shared_object<tally> const counts;
    auto const end = std::chrono::steady_clock::now() + std::chrono::duration<double>(how.seconds);
    long programs = 0, failed = 0;
    for (auto seed = how.seed; programs < how.programs && std::chrono::steady_clock::now() < end; ++seed, ++programs)
        for (int i = 0; i < how.repeat; ++i) failed += run_seed(seed, how, *counts) ? 0 : 1;
    std::printf("%ld programs from seed %llu on, %ld failed: %ld collectives, %ld results compared, %ld wrong\n",
                programs, static_cast<unsigned long long>(how.seed), failed, counts->collectives.load(),
                counts->results.load(), counts->wrong.load());
    return failed == 0 && counts->wrong == 0 ? 0 : 1;
}
