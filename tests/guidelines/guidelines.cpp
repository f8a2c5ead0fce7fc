/// Performance guidelines: what a user may take for granted, whatever the machine. Only times of one run are compared, with room, and
/// what fails is measured again before it counts.
///
/// After Träff, Gropp, Thakur, Self-consistent MPI performance guidelines, IEEE Trans. Parallel Distrib. Syst. 21(5), 2010.

#include "stopwatch.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// The left side takes at most `factor` times the right one, and `slack` microseconds.
struct guideline {
    std::vector<timed_call> left, right;
    double factor;
    double slack;

    std::string broken(stopwatch const& by) const {
        auto const sum = [&](std::vector<timed_call> const& calls) {
            double all = 0;
            for (auto const& each : calls) all += by.of(each);
            return all;
        };
        if (sum(left) <= factor * sum(right) + slack) return {};
        auto const side = [&](std::vector<timed_call> const& calls) {
            std::string text;
            for (auto const& each : calls) text += (text.empty() ? "" : " + ") + text_of(each) + " (" + std::to_string(by.of(each)) + " us)";
            return text;
        };
        return side(left) + " takes more than " + std::to_string(factor) + " times " + side(right) + " and " + std::to_string(slack) + " us";
    }
    void calls_into(std::set<timed_call>& all) const {
        all.insert(left.begin(), left.end());
        all.insert(right.begin(), right.end());
    }
};

constexpr std::array collectives{collective::all_reduce, collective::reduce,     collective::broadcast,
                                 collective::gather,     collective::scatter,    collective::all_gather,
                                 collective::all_to_all, collective::reduce_scatter};

/// Two floats per block on up to 8 ranks, and numbers that 2, 3, 4, 5, 7 and 8 divide.
constexpr std::array<std::size_t, 5> sizes{840, 3360, 26'880, 107'520, 430'080};

/// What a change of process costs counts in microseconds, where ranks share processors.
double slack(int ranks) { return ranks > usable_processors() ? 40.0 * ranks : 3.0; }

std::vector<guideline> by_composition(int p) {
    std::vector<guideline> all;
    auto const rule = [&](std::size_t n, collective left, std::vector<collective> const& right) {
        guideline is{{{left, p, n}}, {}, 1.6, slack(p)};
        for (auto const each : right) is.right.push_back({each, p, n});
        all.push_back(is);
    };
    using enum collective;
    for (auto const n : sizes) {
        rule(n, all_reduce, {reduce, broadcast});
        rule(n, all_reduce, {reduce_scatter, all_gather});
        rule(n, all_gather, {gather, broadcast});
        rule(n, all_gather, {all_to_all}); // of the same block for everybody
        rule(n, reduce_scatter, {reduce, scatter});
        rule(n, reduce_scatter, {all_reduce});
        rule(n, broadcast, {scatter, all_gather});
        rule(n, reduce, {reduce_scatter, gather});
        rule(n, reduce, {all_reduce});
        rule(n, gather, {all_gather});
        rule(n, scatter, {all_to_all});
        rule(n, all_to_all, std::vector<collective>(static_cast<std::size_t>(p), scatter));
    }
    return all;
}

std::vector<guideline> by_size(int p) {
    std::vector<guideline> all;
    for (auto const what : collectives)
        for (std::size_t i = 0; i + 1 < sizes.size(); ++i) all.push_back({{{what, p, sizes[i]}}, {{what, p, sizes[i + 1]}}, 1.5, slack(p)});
    return all;
}

/// No more for fewer ranks, and no cliff from one rank more, while their processors last or after they have run out.
std::vector<guideline> by_ranks(std::vector<int> const& ranks) {
    std::vector<guideline> all;
    for (auto const what : collectives)
        for (auto const n : {sizes[0], sizes[2]})
            for (std::size_t i = 0; i + 1 < ranks.size(); ++i) {
                auto const fewer = ranks[i], more = ranks[i + 1];
                all.push_back({{{what, fewer, n}}, {{what, more, n}}, 1.6, slack(fewer)});
                auto const crowded = [](int p) { return p > usable_processors(); };
                if (crowded(fewer) == crowded(more)) all.push_back({{{what, more, n}}, {{what, fewer, n}}, 3.0, slack(more)});
            }
    return all;
}

/// No cliff from one element more in every block: around sizes where a path, a slot, a page or a segment may end.
std::vector<guideline> by_bytes(int p) {
    std::vector<guideline> all;
    for (auto const what : collectives)
        for (auto const bytes : std::vector<std::size_t>{64, 160, 512, 544, 4096, 16384, 65536, 262144, 1 << 20}) {
            auto const blocks = static_cast<std::size_t>(p);
            auto const n = bytes / sizeof(float) * blocks; // of a block: what a message holds
            all.push_back({{{what, p, n + blocks}}, {{what, p, n}}, 1.6, slack(p)});
        }
    return all;
}

/// What is broken after `attempts` times of measuring what was broken before, the later ones a second apart: a machine that does
/// something else takes the processors away for seconds at a time, and a cliff is still there afterwards.
std::string check(std::vector<guideline> rules, ranks_are how, int attempts = 40) {
    stopwatch by(how);
    for (int attempt = 0; attempt < attempts && !rules.empty(); ++attempt) {
        if (attempt >= 4) std::this_thread::sleep_for(std::chrono::seconds(1));
        std::set<timed_call> calls;
        for (auto const& each : rules) each.calls_into(calls);
        by.measure(calls, attempt == 0 ? 12 : 30);
        std::erase_if(rules, [&](guideline const& each) { return each.broken(by).empty(); });
    }
    std::string text;
    for (auto const& each : rules) text += "\n  " + each.broken(by);
    return text;
}

} // namespace

TEST_CASE("a block that is missing, swapped or left from the last iteration is no result", "[guidelines]") {
    constexpr int ranks = 4, self = 2;
    for (auto const what : collectives) {
        timed_call const call{what, ranks, 840};
        CAPTURE(text_of(call));
        auto const rank = what == collective::reduce || what == collective::gather ? 0 : self;
        auto const result_of = [&](std::uint32_t iteration) {
            std::vector<std::vector<float>> results(ranks, std::vector<float>(call.count));
            run_threads(ranks, patient(), [&](communicator& comm) {
                std::vector<float> in(call.count);
                auto& out = results[static_cast<std::size_t>(comm.rank())];
                chorus::testing::detail::contribute(call, comm.rank(), iteration, in, out);
                chorus::testing::detail::call_once(comm, call, in, out);
            });
            return results[static_cast<std::size_t>(rank)];
        };
        auto const wrong = [&](std::vector<float> const& result, std::uint32_t iteration) {
            return chorus::testing::detail::wrong_elements(call, rank, iteration, result);
        };
        auto const right = result_of(7);
        CHECK(wrong(right, 7) == 0);
        CHECK(wrong(right, 8) > 100); // of the last iteration
        CHECK(wrong(std::vector<float>(call.count), 7) > 100);
        auto swapped = right;
        std::swap_ranges(swapped.begin(), swapped.begin() + 105, swapped.begin() + 105);
        CHECK(wrong(swapped, 7) > 100);
        auto one = right;
        one[77] += 1;
        CHECK(wrong(one, 7) == 1);
    }
}

TEST_CASE("a guideline that cannot hold is reported", "[guidelines][long]") {
    timed_call const large{collective::all_reduce, 2, 430'080}, small{collective::broadcast, 2, 840};
    auto const broken = check({{{large}, {small}, 1, 0}, {{small}, {large}, 1, 0}}, ranks_are::threads, 3);
    CHECK_THAT(broken, Catch::Contains("all_reduce of 1720320 bytes on 2 ranks (") && Catch::Contains("takes more than"));
    CHECK(std::count(broken.begin(), broken.end(), '\n') == 1);
}

TEST_CASE("no collective is slower than the others put together", "[guidelines][long]") {
    for (auto const how : {ranks_are::threads, ranks_are::processes})
        for (auto const p : {2, 4}) {
            CAPTURE(how == ranks_are::threads, p);
            CHECK(check(by_composition(p), how) == "");
        }
}

TEST_CASE("more bytes take no less time", "[guidelines][long]") {
    for (auto const how : {ranks_are::threads, ranks_are::processes})
        for (auto const p : {2, 3}) {
            CAPTURE(how == ranks_are::threads, p);
            CHECK(check(by_size(p), how) == "");
        }
}

TEST_CASE("more ranks take no less time, and one rank more is no cliff", "[guidelines][long]") {
    for (auto const how : {ranks_are::threads, ranks_are::processes}) {
        CAPTURE(how == ranks_are::threads);
        CHECK(check(by_ranks({2, 3, 4, 5, 7, 8}), how) == "");
    }
}

TEST_CASE("one element more is no cliff", "[guidelines][long]") {
    for (auto const how : {ranks_are::threads, ranks_are::processes})
        for (auto const p : {2, 3}) {
            CAPTURE(how == ranks_are::threads, p);
            CHECK(check(by_bytes(p), how) == "");
        }
}
