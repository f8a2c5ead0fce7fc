/// Right schedules with one step spoilt: whatever changes a result, the verifier must notice; and what it finds nothing
/// wrong with must be right on numbers.
#include "verify/algorithms.hpp"
#include "verify/numbers.hpp"

#include <chorus/verify/verify.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>

using namespace verify_test;

namespace {

using dice = std::mt19937;

std::size_t pick(dice& random, std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

/// Another slice of the same rank that something is read from or written to.
slice_list some_data(dice& random, schedule const& in) {
    auto const& s = in.steps[pick(random, in.steps.size())];
    return s.source.empty() || (pick(random, 2) == 0 && !s.target.empty()) ? s.target : s.source;
}

/// The step at the other end of a message: the one that is as far in its channel.
std::pair<std::size_t, std::size_t> other_end(std::vector<schedule> const& ranks, std::size_t rank, std::size_t index) {
    auto const& s = ranks[rank].steps[index];
    auto const same_channel = [&](step const& a, bool sends, int peer) {
        return a.is_message() && a.sends() == sends && a.peer == peer && a.lane == s.lane;
    };
    std::size_t before = 0;
    for (std::size_t i = 0; i < index; ++i) before += same_channel(ranks[rank].steps[i], s.sends(), s.peer);
    auto const peer = static_cast<std::size_t>(s.peer);
    std::size_t i = 0;
    for (;; ++i)
        if (same_channel(ranks[peer].steps[i], !s.sends(), static_cast<int>(rank)) && before-- == 0) break;
    return {peer, i};
}

void erase_step(schedule& in, std::size_t i) { in.steps.erase(in.steps.begin() + static_cast<std::ptrdiff_t>(i)); }

/// Spoils one step and says how.
std::string mutate(dice& random, std::vector<schedule>& ranks) {
    auto const rank = pick(random, ranks.size());
    auto& in = ranks[rank];
    if (in.steps.empty()) return "";
    auto const i = pick(random, in.steps.size());
    auto& s = in.steps[i];
    auto const where = " rank " + std::to_string(rank) + " step " + std::to_string(i);
    switch (pick(random, 9)) {
    case 0:
        erase_step(in, i);
        return "dropped" + where;
    case 1: {
        auto const copy = s;
        in.steps.insert(in.steps.begin() + static_cast<std::ptrdiff_t>(i), copy);
        return "doubled" + where;
    }
    case 2:
        s.received = s.received == side::left ? side::right : side::left;
        return "changed side of" + where;
    case 3:
        if (!s.is_message() || in.ranks < 3) return "";
        s.peer = mod(s.peer + 1, in.ranks) == in.rank ? mod(s.peer + 2, in.ranks) : mod(s.peer + 1, in.ranks);
        return "changed peer of" + where;
    case 4:
        s.source = some_data(random, in);
        return "changed source of" + where;
    case 5:
        s.target = some_data(random, in);
        return "changed target of" + where;
    case 6: {
        if (!s.is_message()) return "";
        auto const [peer, other] = other_end(ranks, rank, i);
        erase_step(ranks[peer], other);
        erase_step(in, i);
        return "dropped message of" + where;
    }
    case 7: {
        if (!s.is_message()) return "";
        auto const [peer, other] = other_end(ranks, rank, i);
        auto const copy = ranks[peer].steps[other], mine = s;
        ranks[peer].steps.insert(ranks[peer].steps.begin() + static_cast<std::ptrdiff_t>(other), copy);
        in.steps.insert(in.steps.begin() + static_cast<std::ptrdiff_t>(i), mine);
        return "doubled message of" + where;
    }
    default:
        if (s.kind == step_kind::recv)
            s.kind = step_kind::recv_reduce, s.source = s.target;
        else if (s.kind == step_kind::recv_reduce)
            s.kind = step_kind::recv, s.source = {};
        else
            return "";
        return "changed kind of" + where;
    }
}

/// Lengths of blocks such that no part of any is empty.
std::vector<std::size_t> plenty(std::vector<schedule> const& ranks) {
    auto const p = ranks.size();
    auto const blocks = ranks[0].what == collective::all_to_all ? p * p : has_blocks(ranks[0].what) ? p : 1;
    std::vector<std::size_t> lengths;
    for (std::size_t b = 0; b < blocks; ++b) lengths.push_back(3 * p + b % 3);
    return lengths;
}

} // namespace

TEST_CASE("no spoilt step goes unnoticed", "[verify]") {
    auto const seed = std::random_device{}();
    dice random(seed);
    int spoilt = 0, harmless = 0;
    for (auto const& algorithm : right_ones) {
        if (algorithm.what == collective::barrier || algorithm.what == collective::reduce ||
            algorithm.what == collective::gather || algorithm.what == collective::scatter ||
            algorithm.what == collective::exclusive_scan)
            continue; // not among what numbers.hpp knows
        for (int trial = 0; trial < 600; ++trial) {
            call_shape shape;
            shape.what = algorithm.what;
            shape.ranks = 2 + trial % 5;
            shape.segments = 1 + trial % 2;
            auto ranks = record_all(shape, algorithm.record);
            auto const lengths = plenty(ranks);
            auto const commuting = !algorithm.keeps_order;
            REQUIRE(number_run(ranks, lengths, commuting).right());
            auto const change = mutate(random, ranks);
            for (auto& in : ranks) depend_again(in);

            auto const found = verify(ranks, {.keeps_order = algorithm.keeps_order});
            auto const really = number_run(ranks, lengths, commuting).right();
            INFO("seed " << seed << ", trial " << trial << ", " << algorithm.name << ", p = " << shape.ranks << ": "
                         << change);
            INFO(found.explanation);
            if (found.correct)
                REQUIRE(really);
            else
                REQUIRE_FALSE(found.explanation.empty());
            ++(really ? harmless : spoilt);
        }
    }
    CHECK(spoilt > harmless);
}

TEST_CASE("what is right on numbers is rarely called wrong, and then for a reason", "[verify]") {
    // Results may be right by luck of buffering or because what is wrong is never used. These are the reasons allowed.
    dice random(20240501);
    for (auto const& algorithm : {right_ones[0], right_ones[1], right_ones[5]})
        for (int trial = 0; trial < 300; ++trial) {
            auto ranks = record_all(algorithm.what, 2 + trial % 5, algorithm.record);
            auto const change = mutate(random, ranks);
            for (auto& in : ranks) depend_again(in);
            auto const found = verify(ranks, {.keeps_order = algorithm.keeps_order});
            if (found.correct || !number_run(ranks, plenty(ranks), !algorithm.keeps_order).right()) continue;
            CAPTURE(algorithm.name, change, found.explanation);
            auto const says = [&](char const* words) { return found.explanation.find(words) != std::string::npos; };
            auto const reason = says("deadlock") || says("writes to the caller's input") || says("never written") ||
                                says("not of the same size or order");
            CHECK(reason);
        }
}

TEST_CASE("the check of dependencies agrees with the rule for two steps", "[verify]") {
    dice random(7);
    for (int trial = 0; trial < 200; ++trial) {
        auto const& algorithm = right_ones[pick(random, 6)];
        auto ranks = record_all(algorithm.what, 3 + trial % 3, algorithm.record);
        auto& in = ranks[pick(random, ranks.size())];
        auto& waits = in.predecessors[pick(random, in.predecessors.size())];
        if (!waits.empty()) waits.erase(waits.begin() + static_cast<std::ptrdiff_t>(pick(random, waits.size())));

        auto const n = in.steps.size(); // the transitive closure, and every pair against it
        std::vector<std::vector<bool>> after(n, std::vector<bool>(n, false));
        bool complete = true;
        for (std::size_t i = 0; i < n; ++i) {
            for (auto const before : in.predecessors[i]) {
                auto const j = static_cast<std::size_t>(before);
                after[i][j] = true;
                for (std::size_t k = 0; k < j; ++k) after[i][k] = after[i][k] || after[j][k];
            }
            for (std::size_t j = 0; j < i; ++j)
                complete = complete && (after[i][j] || !must_be_ordered(in.steps[j], in.steps[i]));
        }
        auto const found = verify(ranks);
        CAPTURE(algorithm.name, found.explanation);
        CHECK(complete == (found.explanation.find("does not wait for") == std::string::npos));
    }
}
