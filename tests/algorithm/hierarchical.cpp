/// Hierarchical compositions: any groups, any algorithms inside and between them, any depth, and errors that explain.

#include "algorithm/prove.hpp"

#include <chorus/algorithm/all_gather/catalogue.hpp>
#include <chorus/algorithm/all_reduce/catalogue.hpp>
#include <chorus/algorithm/all_to_all/catalogue.hpp>
#include <chorus/pattern/groups.hpp>

#include <catch2/catch.hpp>

#include <memory>

namespace {

using namespace chorus;
using namespace chorus::testing;

choice named(std::string_view name) {
    choice how;
    how.name = name;
    return how;
}

choice hierarchical(std::vector<int> group_of, choice inside = {}, choice between = {}) {
    auto how = named("hierarchical");
    how.levels = std::make_shared<hierarchy>(hierarchy{std::move(group_of), std::move(inside), std::move(between)});
    return how;
}

struct family {
    std::span<catalogue_entry const> entries;
    catalogue_entry const& entry() const { return *find(entries, "hierarchical"); }
};
std::vector<family> const families{{catalogue<collective::all_reduce>::entries},
                                   {catalogue<collective::all_gather>::entries},
                                   {catalogue<collective::all_to_all>::entries}};

/// Groupings of p ranks: all together, singletons, pairs and a rest, halves of unequal size, interleaved, scattered.
std::vector<std::vector<int>> groupings(int p) {
    std::vector<std::vector<int>> all(6);
    for (int rank = 0; rank < p; ++rank) {
        all[0].push_back(7);
        all[1].push_back(rank);
        all[2].push_back(rank / 2);
        all[3].push_back(rank < p / 3 ? 0 : 1);
        all[4].push_back(rank % 3);
        all[5].push_back(rank * rank % 5);
    }
    return all;
}

/// Right in place and out of place, with 1 to 3 segments?
std::string disproof_in_shapes(family const& of, int p, choice const& how) {
    for (int segments = 1; segments <= 3; ++segments)
        for (auto const in_place : {false, true}) {
            call_shape const shape{.what = of.entry().what, .ranks = p, .in_place = in_place, .segments = segments};
            if (auto const wrong = disproof(shape, of.entry(), how); !wrong.empty()) return wrong;
        }
    return {};
}

std::string message_of(family const& of, int ranks, choice const& how) {
    try {
        (void)record({.what = of.entry().what, .rank = 0, .ranks = ranks}, of.entry().record, how);
    } catch (usage_error const& wrong) {
        return wrong.what();
    }
    return "no error";
}

counted_cost cost_of(family const& of, int p, choice const& how) {
    return verify(record_all({.what = of.entry().what, .ranks = p}, of.entry().record, how)).cost;
}

} // namespace

TEST_CASE("hierarchical is right for any groups", "[algorithm][hierarchical]") {
    for (auto const& each : families)
        for (int p = 1; p <= 24; ++p)
            for (auto const& group_of : groupings(p)) CHECK(disproof_in_shapes(each, p, hierarchical(group_of)) == "");
    for (auto const& each : families)
        for (auto const& group_of : groupings(33)) CHECK(disproof_in_shapes(each, 33, hierarchical(group_of)) == "");
}

TEST_CASE("hierarchical is right with every algorithm between groups", "[algorithm][hierarchical]") {
    for (auto const& each : families)
        for (auto const& between : each.entries)
            for (auto const p : {1, 2, 4, 7, 12}) {
                if (between.record == nullptr) continue;
                for (auto const& group_of : groupings(p))
                    CHECK(disproof_in_shapes(each, p, hierarchical(group_of, {}, named(between.name))) == "");
            }
}

TEST_CASE("hierarchical is right with every algorithm inside groups", "[algorithm][hierarchical]") {
    auto const inside_of = [](family const& each, auto const&... needed) {
        for (auto const entries : {std::span<catalogue_entry const>(needed)...})
            for (auto const& inside : entries)
                for (auto const p : {6, 9, 12}) {
                    if (inside.record == nullptr) continue;
                    for (auto const& group_of : groupings(p))
                        CHECK(disproof_in_shapes(each, p, hierarchical(group_of, named(inside.name))) == "");
                }
    };
    inside_of(families[0], catalogue<collective::reduce_scatter>::entries, catalogue<collective::all_gather>::entries,
              catalogue<collective::reduce>::entries, catalogue<collective::broadcast>::entries);
    inside_of(families[1], catalogue<collective::all_gather>::entries, catalogue<collective::broadcast>::entries);
    inside_of(families[2], catalogue<collective::all_to_all>::entries, catalogue<collective::scatter>::entries);
}

TEST_CASE("hierarchies nest", "[algorithm][hierarchical]") {
    for (auto const& each : families)
        for (auto const p : {8, 11, 13, 16, 24})
            for (auto const& group_of : groupings(p)) {
                auto const groups = static_cast<int>(members_of(group_of).size());
                auto const top = hierarchical(group_of_equal(groups, 2), {}, named("ring"));
                auto const pairs_of_pairs = hierarchical(group_of, {}, top);
                CHECK(disproof_in_shapes(each, p, pairs_of_pairs) == "");
                auto const three =
                    hierarchical(group_of_equal(p, 2), {}, hierarchical(group_of_equal((p + 1) / 2, 2), {}, {}));
                CHECK(disproof_in_shapes(each, p, three) == "");
            }
}

TEST_CASE("four levels of two ranks each", "[algorithm][hierarchical]") {
    auto how = hierarchical(group_of_equal(2, 2));
    for (auto const groups : {4, 8, 16}) how = hierarchical(group_of_equal(groups, 2), named("direct"), how);
    for (auto const& each : families) CHECK(disproof_in_shapes(each, 16, how) == "");
}

TEST_CASE("without groups all ranks are one group", "[algorithm][hierarchical]") {
    auto const entries = catalogue<collective::all_gather>::entries;
    auto const whole = record({.what = collective::all_gather, .rank = 2, .ranks = 5},
                              find(entries, "hierarchical")->record, named("hierarchical"));
    auto const direct = record({.what = collective::all_gather, .rank = 2, .ranks = 5}, find(entries, "direct")->record,
                               named("direct"));
    CHECK(trace(whole) == trace(direct));
}

TEST_CASE("a two by two all_reduce halves, crosses and joins", "[algorithm][hierarchical]") {
    auto const how = hierarchical({0, 0, 1, 1}, named("ring"), named("ring"));
    auto const steps = trace(record({.what = collective::all_reduce, .rank = 0, .ranks = 4, .in_place = true},
                                    families[0].entry().record, how));
    REQUIRE(steps.size() == 8);
    CHECK(steps[0] == "send 1 1/2..1"); // reduce-scatter in {0, 1}: half 0 stays here
    CHECK(steps[1] == "recv_reduce 1 0..1/2");
    for (auto const step : {2, 3, 4, 5}) CHECK(steps[static_cast<std::size_t>(step)].find(" 2 ") != std::string::npos);
    CHECK(steps[6] == "send 1 0..1/2");
    CHECK(steps[7] == "recv 1 1/2..1");
}

TEST_CASE("equal groups send no more than flat algorithms, and less between groups", "[algorithm][hierarchical]") {
    for (auto const m : {2, 3, 4, 8})
        for (auto const g : {2, 3, 5}) {
            auto const p = m * g;
            auto const how = hierarchical(group_of_equal(p, m));
            CHECK(cost_of(families[0], p, how).sent == Approx(2.0 * (p - 1) / p));
            CHECK(cost_of(families[0], p, how).reduced == Approx(1.0 * (p - 1) / p));
            CHECK(cost_of(families[1], p, how).sent == Approx(p - 1));
            CHECK(cost_of(families[2], p, how).sent == Approx((m - 1) * g + (g - 1) * m));
            CHECK(cost_of(families[2], p, how).messages == m - 1 + g - 1);
        }
}

TEST_CASE("a grouping that does not fit is explained", "[algorithm][hierarchical]") {
    for (auto const& each : families) {
        CHECK(message_of(each, 4, hierarchical({0, 0, 1})) ==
              "chorus: hierarchical: the grouping is of 3 ranks, but there are 4: rank 3 is omitted");
        CHECK(message_of(each, 2, hierarchical({0, 0, 1})) ==
              "chorus: hierarchical: the grouping is of 3 ranks, but there are 2");
        CHECK(message_of(each, 3, hierarchical({0, -1, 1})) ==
              "chorus: hierarchical: the grouping omits rank 1 (group -1)");
        // The groups of the upper level are of groups, not of ranks.
        CHECK(message_of(each, 4, hierarchical({0, 0, 1, 1}, {}, hierarchical({0, 0, 1, 1}))) ==
              "chorus: hierarchical: the grouping is of 4 ranks, but there are 2");
    }
}

TEST_CASE("an algorithm that cannot run in a hierarchy is explained", "[algorithm][hierarchical]") {
    CHECK(message_of(families[0], 4, hierarchical({0, 0, 1, 1}, named("rign"))) ==
          "chorus: hierarchical: there is no algorithm 'rign' for what runs inside groups (reduce_scatter, all_gather, "
          "reduce, broadcast)");
    CHECK(message_of(families[1], 4, hierarchical({0, 0, 1, 1}, {}, named("two_shot"))) ==
          "chorus: hierarchical: there is no algorithm 'two_shot' for what runs between groups (all_gather)");
    CHECK(message_of(families[1], 4, hierarchical({0, 0, 1, 1}, {}, named("native"))) ==
          "chorus: hierarchical: all_gather native is not a schedule and cannot be composed");
    auto bruck = named("bruck");
    bruck.radix = 1;
    CHECK(message_of(families[2], 4, hierarchical({0, 0, 1, 1}, {}, bruck)) ==
          "chorus: hierarchical: all_to_all bruck on 2 ranks: the radix must be at least 2");
}

TEST_CASE("an algorithm of one's own runs between groups, not inside", "[algorithm][hierarchical]") {
    choice own;
    own.custom = [](record_sink& sink, arguments const& args) { ring_all_gather(sink, args.blocks); };
    for (auto const& group_of : groupings(10))
        CHECK(disproof_in_shapes(families[1], 10, hierarchical(group_of, {}, own)) == "");
    CHECK(message_of(families[1], 4, hierarchical({0, 0, 1, 1}, own)) ==
          "chorus: hierarchical: an algorithm of one's own cannot run inside groups, where several collectives are "
          "needed");
}
