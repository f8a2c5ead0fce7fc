// The short cuts of traffic/ against the recorded schedules of all ranks.
#include "support/seed.hpp"

#include <chorus/algorithm/parse.hpp>
#include <chorus/traffic/phases.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace chorus;
using chorus::testing::test_seed;
using traffic::call;
using traffic::message;
using traffic::phase;

namespace {

struct flat_phase {
    std::vector<message> messages;
    std::uint64_t repeats;
};

/// Sorted, with equal neighbours merged: the form in which two lists of phases can be compared.
std::vector<flat_phase> flat(std::vector<phase> const& phases) {
    std::vector<flat_phase> result;
    for (auto const& each : phases) {
        auto messages = each.messages();
        std::sort(messages.begin(), messages.end());
        if (!result.empty() && result.back().messages == messages) result.back().repeats += each.repeats;
        else result.push_back({std::move(messages), each.repeats});
    }
    return result;
}

void require_same(std::vector<phase> const& found, std::vector<phase> const& expected) {
    auto const a = flat(found), b = flat(expected);
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        INFO("phase " << i);
        REQUIRE(a[i].repeats == b[i].repeats);
        REQUIRE(a[i].messages.size() == b[i].messages.size());
        for (std::size_t k = 0; k < a[i].messages.size(); ++k) {
            auto const& x = a[i].messages[k];
            auto const& y = b[i].messages[k];
            INFO("message " << k << ": " << x.source << " to " << x.destination << ", " << x.bytes << "; recorded " << y.source
                            << " to " << y.destination << ", " << y.bytes);
            REQUIRE((x.source == y.source && x.destination == y.destination));
            REQUIRE(x.bytes == Approx(y.bytes).epsilon(1e-9));
        }
    }
}

std::vector<phase> recorded(call const& of, choice const& how) {
    return traffic::recorded_phases(of, find(entries_of(of.what), how.name)->record, how);
}

/// Every algorithm of the catalogue that has a short cut for that many ranks.
int compare_all(int ranks) {
    int compared = 0;
    for (auto const& entry : all_entries) {
        choice how;
        how.name = entry.name;
        call const of{entry.what, ranks, 1000.0};
        if (entry.record == nullptr || (entry.refuses != nullptr && !entry.refuses(ranks, how).empty())) continue;
        auto const known = traffic::closed_form(of, how);
        if (!known) continue;
        INFO(name(entry.what) << " " << entry.name << " on " << ranks << " ranks");
        require_same(*known, recorded(of, how));
        ++compared;
    }
    return compared;
}

} // namespace

TEST_CASE("the ring is one phase, repeated", "[traffic]") {
    auto const phases = traffic::phases_of({collective::all_reduce, 4, 1000}, parse_choice("ring", 4));
    REQUIRE(phases.size() == 1);
    CHECK(phases[0].repeats == 6);
    CHECK(phases[0].messages() == std::vector<message>{{0, 1, 250}, {1, 2, 250}, {2, 3, 250}, {3, 0, 250}});
    CHECK(traffic::volume(phases) == 6000);
}

TEST_CASE("closed forms are what is recorded, for every number of ranks to 40", "[traffic]") {
    for (int ranks = 2; ranks <= 40; ++ranks) REQUIRE(compare_all(ranks) >= 12);
}

TEST_CASE("closed forms are what is recorded, also for many ranks", "[traffic][long]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int phase = 0; phase < 6; ++phase) compare_all(41 + static_cast<int>(random() % 300));
    compare_all(256);
}

TEST_CASE("closed forms are what is recorded at 4096 ranks, where a recording is possible", "[traffic][long]") {
    for (auto const* text : {"circulant", "recursive_doubling", "rabenseifner"}) {
        auto const how = parse_choice(text, 4096);
        call const of{collective::all_reduce, 4096, 1e9};
        INFO(text);
        require_same(*traffic::closed_form(of, how), recorded(of, how));
    }
}

TEST_CASE("compositions over equal groups are what is recorded", "[traffic]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    std::vector<std::string> const inside{"auto", "ring", "direct", "circulant"}, between{"auto", "ring", "circulant", "bruck", "pairwise"};
    for (int phase = 0; phase < 60; ++phase) {
        int const members = 1 + static_cast<int>(random() % 9), groups = 1 + static_cast<int>(random() % 9), ranks = members * groups;
        auto levels = std::make_shared<hierarchy>();
        for (int r = 0; r < ranks; ++r) levels->group_of.push_back(random() % 2 == 0 || phase < 30 ? r / members : 0);
        if (phase >= 30) // members of a group anywhere
            for (int r = 0; r < ranks; ++r) levels->group_of[static_cast<std::size_t>(r)] = r % groups;
        auto const what = std::vector{collective::all_reduce, collective::all_gather, collective::all_to_all}[random() % 3];
        auto const usable = [&](std::string const& name) {
            auto how = parse_choice(name, 0);
            return how.automatic() || find(entries_of(what), how.name) != nullptr ? how : choice{};
        };
        levels->inside = usable(inside[random() % inside.size()]);
        levels->between = usable(between[random() % between.size()]);
        choice how;
        how.name = "hierarchical";
        how.levels = levels;
        if (ranks < 2) continue;
        call const of{what, ranks, 1000};
        INFO(name(what) << " " << to_string(how));
        require_same(traffic::phases_of(of, how), recorded(of, how));
    }
}

TEST_CASE("a hierarchy of hierarchies is composed, too", "[traffic]") {
    auto const how = parse_choice("hierarchical:groups=2+2+2+2+2+2+2+2,between=(hierarchical:groups=4+4,inside=ring)", 16);
    call const of{collective::all_reduce, 16, 4096};
    require_same(traffic::phases_of(of, how), recorded(of, how));
}

TEST_CASE("unequal groups are recorded", "[traffic]") {
    auto const how = parse_choice("hierarchical:groups=2+3", 5);
    call const of{collective::all_reduce, 5, 1000};
    require_same(traffic::phases_of(of, how), recorded(of, how));
}

TEST_CASE("every schedule of the catalogue has phases, and they carry what the catalogue says", "[traffic]") {
    for (auto const& entry : all_entries) {
        choice how;
        how.name = entry.name;
        for (int ranks : {2, 5, 8}) {
            if (entry.record == nullptr || entry.formula == nullptr || entry.what == collective::barrier) continue;
            if (entry.refuses != nullptr && !entry.refuses(ranks, how).empty()) continue;
            INFO(name(entry.what) << " " << entry.name << " on " << ranks << " ranks");
            std::vector<double> sent(static_cast<std::size_t>(ranks));
            for (auto const& each : traffic::phases_of({entry.what, ranks, 1}, how))
                each.for_each([&](message const& m) {
                    sent[static_cast<std::size_t>(m.source)] += m.bytes * static_cast<double>(each.repeats);
                });
            auto const most = *std::max_element(sent.begin(), sent.end()), formula = entry.formula(ranks, how).sent;
            if (has_root(entry.what)) CHECK(most <= formula * (1 + 1e-9)); // the formula is for the worst root
            else CHECK(most == Approx(formula));
        }
    }
}

TEST_CASE("a hundred thousand ranks take seconds", "[traffic]") {
    auto levels = std::make_shared<hierarchy>();
    levels->group_of = group_of_equal(100'000, 8);
    levels->between = parse_choice("ring", 0);
    choice how;
    how.name = "hierarchical";
    how.levels = levels;
    auto const phases = traffic::phases_of({collective::all_reduce, 100'000, 1e9}, how);
    CHECK(traffic::steps(phases) == 7 + 2 * 12'499 + 7);
    CHECK(traffic::volume(phases) == Approx(1e9 * (2 * 7 * 12'500 + 2.0 * 12'499)).epsilon(1e-6));
    auto const pairwise = traffic::phases_of({collective::all_to_all, 100'000, 1000}, parse_choice("pairwise", 0));
    CHECK(pairwise.size() == 99'999);
    auto const some = traffic::sample(pairwise, 100, 1);
    CHECK(some.size() == 100);
    CHECK(traffic::steps(some) == 99'999);
}

TEST_CASE("what has no schedule is refused", "[traffic]") {
    CHECK_THROWS_WITH(traffic::phases_of({collective::all_reduce, 4, 1}, parse_choice("native", 4)), Catch::Contains("no schedule"));
    CHECK_THROWS_WITH(traffic::phases_of({collective::gather, 5000, 1}, parse_choice("binomial", 0)), Catch::Contains("4096"));
    CHECK_THROWS_AS(traffic::phases_of({collective::all_reduce, 0, 1}, parse_choice("ring", 0)), usage_error);
    CHECK(traffic::phases_of({collective::all_reduce, 1, 1}, parse_choice("ring", 0)).empty());
}
