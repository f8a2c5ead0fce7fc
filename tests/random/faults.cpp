/// A fault injector: in each round ranks run random programs, one of them fails at a random moment, and the others must
/// be told who, in time, must not be touched afterwards, and must be able to go on.
///
///     test_faults --seconds 20
///     test_faults --seed 17 --rounds 1 --fault killed      that round again; moments differ, so --repeat helps

#include "hang.hpp"
#include "support/seed.hpp"
#include "survivor.hpp"

#include <chorus/runtime/run_processes.hpp>
#include <chorus/runtime/run_threads.hpp>

#include <CLI/CLI.hpp>

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

struct settings {
    std::uint64_t seed = test_seed() % 1'000'000'000;
    double seconds = 20;
    long rounds = 1'000'000'000;
    int repeat = 1;
    std::string transport = "any", fault = "any";
    int ranks = 0;
    double bound = 3; ///< seconds in which a survivor is told; after the time-out, where only that can tell
};

fault_plan plan_of(std::uint64_t seed, settings const& how) {
    std::mt19937_64 random(seed);
    fault_plan plan;
    plan.seed = random();
    plan.ranks = how.ranks > 0 ? how.ranks : static_cast<int>(2 + random() % 7);
    plan.victim = static_cast<int>(random() % static_cast<std::uint64_t>(plan.ranks));
    plan.after = std::chrono::microseconds(random() % 30'000);
    // Stopped ranks take a time-out each: fewer of them.
    constexpr std::array weighted{fault::killed, fault::exits_7, fault::throws, fault::exits,  fault::aborts,
                                  fault::killed, fault::exits_7, fault::throws, fault::stopped};
    plan.what = weighted[random() % weighted.size()];
    for (std::size_t i = 0; i < fault_names.size(); ++i)
        if (fault_names[i] == how.fault) plan.what = static_cast<fault>(i);
    auto const in_threads = plan.what == fault::throws && random() % 2 == 0;
    plan.processes = how.transport == "any" ? !in_threads : how.transport == "processes";
    plan.timeout = std::chrono::milliseconds(plan.what == fault::stopped ? 1000 : 20'000);
    return plan;
}

/// What this process has, and what others of this machine could find of it.
struct belongings {
    long descriptors = 0, mappings = 0, files = 0;
    bool children = false;

    static belongings now() {
        belongings found;
        for ([[maybe_unused]] auto const& each : std::filesystem::directory_iterator("/proc/self/fd"))
            ++found.descriptors;
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);)
            found.mappings +=
                line.find("chorus") != std::string::npos && line.find("memfd") != std::string::npos ? 1 : 0;
        for (auto const& each : std::filesystem::directory_iterator("/dev/shm"))
            found.files += each.path().filename().string().find("chorus") != std::string::npos ? 1 : 0;
        found.children = ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
        return found;
    }
    friend bool operator==(belongings const&, belongings const&) = default;
};

class report {
public:
    /// One violation.
    void add(std::uint64_t seed, fault_plan const& plan, std::string const& kind, std::string const& text) {
        ++violations_[kind];
        if (++lines_ > 300) return;
        std::printf("VIOLATION: seed %llu, rank %d of %d %s %s: %s: %s\n", static_cast<unsigned long long>(seed),
                    plan.victim, plan.ranks, plan.processes ? "processes" : "threads", name(plan.what).data(),
                    kind.c_str(), text.c_str());
        std::fflush(stdout);
    }
    void noticed(fault what, double seconds) { seconds_[what].push_back(seconds); }
    void round(fault what) { ++rounds_[what]; }

    bool print(tally const& counts) {
        for (auto& [what, all] : seconds_) {
            std::sort(all.begin(), all.end());
            std::printf("%-9s %6ld rounds, told after: median %.4f s, p99 %.4f s, worst %.4f s\n", name(what).data(),
                        rounds_[what], all[all.size() / 2], all[all.size() * 99 / 100], all.back());
        }
        long sum = counts.wrong;
        for (auto const& each : violations_) {
            std::printf("%ld violations: %s\n", each.second, each.first.c_str());
            sum += each.second;
        }
        long rounds = 0;
        for (auto const& each : rounds_) rounds += each.second;
        std::printf("%ld rounds, %ld violations; %ld results compared before the faults, %ld wrong\n", rounds, sum,
                    counts.results.load(), counts.wrong.load());
        return sum == 0;
    }

private:
    std::map<std::string, long> violations_;
    std::map<fault, std::vector<double>> seconds_;
    std::map<fault, long> rounds_;
    int lines_ = 0;
};

/// Holds what one survivor was told against what has happened.
void judge(std::uint64_t seed, fault_plan const& plan, int rank, witness const& saw, double bound, report& to) {
    auto const says = "rank " + std::to_string(rank) + " says \"" + saw.text + "\"";
    if (!saw.told) return to.add(seed, plan, "never told", "rank " + std::to_string(rank));
    if (saw.seconds < 0) return to.add(seed, plan, "failed before the fault", says);
    to.noticed(plan.what, saw.seconds);
    if (saw.seconds > bound) to.add(seed, plan, "told late", says + " after " + std::to_string(saw.seconds) + " s");
    if (saw.mismatch) to.add(seed, plan, "not told of a failure", says);
    if (saw.culprit != plan.victim)
        to.add(seed, plan, "another rank is blamed", says);
    else if (saw.peer != plan.victim)
        to.add(seed, plan, "where().peer is another rank", says + " and peer " + std::to_string(saw.peer));
    if (saw.touched > 0)
        to.add(seed, plan, "memory written after the exception",
               std::to_string(saw.touched) + " bytes of rank " + std::to_string(rank) + ", which " + says);
    if (saw.shrink_text[0] != '\0')
        to.add(seed, plan, "shrink failed", "rank " + std::to_string(rank) + ": " + saw.shrink_text);
    else if (!saw.right)
        to.add(seed, plan, "shrink gave the wrong ranks or sums",
               "rank " + std::to_string(rank) + " has " + std::to_string(saw.survivors) + " ranks");
}

void run_round(std::uint64_t seed, settings const& how, tally& counts, report& to) {
    auto const plan = plan_of(seed, how);
    auto const before = belongings::now();
    shared_object<round_record> const record;
    options limits;
    limits.timeout = plan.timeout;
    auto const work = [&](communicator& comm) { survivor(comm, plan, *record, counts).run(); };
    hang_guard const guard(120, "seed " + std::to_string(seed) + ", " + std::string(name(plan.what)));
    try {
        if (plan.processes)
            run_processes(plan.ranks, limits, work);
        else
            run_threads(plan.ranks, limits, work);
        if (plan.what != fault::stopped) to.add(seed, plan, "the caller was not told", "");
    } catch (rank_error const& e) {
        if (e.rank() != plan.victim) to.add(seed, plan, "the caller was told of another rank", e.what());
    } catch (std::exception const& e) {
        to.add(seed, plan, "the caller was told something else", e.what());
    }
    to.round(plan.what);
    auto const bound =
        how.bound + (plan.what == fault::stopped ? std::chrono::duration<double>(plan.timeout).count() : 0);
    for (int rank = 0; rank < plan.ranks; ++rank)
        if (rank != plan.victim) judge(seed, plan, rank, record->of[static_cast<std::size_t>(rank)], bound, to);
    if (!(belongings::now() == before)) to.add(seed, plan, "something is left behind", "");
}

} // namespace

int main(int argc, char** argv) {
    settings how;
    CLI::App app("ranks that fail in the middle of random programs");
    app.add_option("--seed", how.seed, "of the first round; CHORUS_TEST_SEED is the same");
    app.add_option("--seconds", how.seconds, "no round starts later");
    app.add_option("--rounds", how.rounds, "at most so many");
    app.add_option("--repeat", how.repeat, "each round so often");
    app.add_option("--transport", how.transport, "processes, threads (throws alone) or any")
        ->check(CLI::IsMember({"threads", "processes", "any"}));
    app.add_option("--fault", how.fault, "killed, stopped, exit(0), _exit(7), throws, aborts, or any");
    app.add_option("--ranks", how.ranks, "2 to 8; 0: by seed")
        ->check(CLI::Range(0, static_cast<int>(most_ranks_of_a_round)));
    app.add_option("--bound", how.bound, "seconds in which survivors are told");
    CLI11_PARSE(app, argc, argv);

    rlimit const no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::printf("first seed %llu\n", static_cast<unsigned long long>(how.seed));
    std::fflush(stdout);
    shared_object<tally> const counts;
    report all;
    auto const end = std::chrono::steady_clock::now() + std::chrono::duration<double>(how.seconds);
    long rounds = 0;
    for (auto seed = how.seed; rounds < how.rounds && std::chrono::steady_clock::now() < end; ++seed, ++rounds)
        for (int i = 0; i < how.repeat; ++i) run_round(seed, how, *counts, all);
    return all.print(*counts) ? 0 : 1;
}
