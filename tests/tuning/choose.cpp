/// The automatic choice, and which algorithms hold which level of determinism.

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/tuning/choose.hpp>
#include <chorus/verify/verify.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace chorus;

TEST_CASE("measured times are interpolated between sizes and constant beyond", "[tuning/choose]") {
    tuning_table table;
    table.ranks = 4;
    table.note({collective::all_reduce, 3000, "ring", 3e-6});
    table.note({collective::all_reduce, 1000, "ring", 1e-6});
    auto const at = [&](std::size_t bytes) { return table.measured(collective::all_reduce, 4, "ring", bytes); };
    CHECK(at(1000) == 1e-6);
    CHECK(at(2000) == Approx(2e-6));
    CHECK(at(1) == 1e-6);
    CHECK(at(1u << 30) == 3e-6);
    CHECK(table.measured(collective::all_reduce, 4, "tree", 1000) < 0);
    CHECK(table.measured(collective::all_reduce, 5, "ring", 1000) < 0);
    table.note({collective::all_reduce, 1000, "ring", 7e-6});
    CHECK(at(1000) == 7e-6);
    CHECK(table.times.size() == 2);
}

TEST_CASE("what was measured counts more than what is predicted", "[tuning/choose]") {
    tuning_table table;
    table.ranks = 8;
    table.note({collective::all_gather, 8 * 1024, "ring", 5e-6});
    table.note({collective::all_gather, 8 * 1024, "bruck", 4e-6});
    choice_facts facts;
    facts.what = collective::all_gather;
    facts.ranks = 8;
    facts.bytes = 1024;
    facts.speed.latency = 1; // a model in which the ring cannot win, and direct does
    auto const entries = entries_of(facts.what);
    REQUIRE(choose(entries, facts) != nullptr);
    CHECK(choose(entries, facts)->name != "bruck");
    facts.table = &table;
    CHECK(choose(entries, facts)->name == "bruck");
    table.note({collective::all_gather, 8 * 1024, "bruck", 6e-6});
    CHECK(choose(entries, facts)->name == "ring");
    facts.ranks = 7; // nobody has measured that
    CHECK(choose(entries, facts)->name != "ring");
}

TEST_CASE("where private buffers are copied, long messages are not folded many at once; shared ones are", "[tuning/choose]") {
    choice_facts facts;
    facts.ranks = 4;
    facts.speed.latency = 2e-5;
    facts.speed.per_byte = 7e-11;
    facts.speed.per_byte_folded = 2e-11;
    auto const chosen = [&](collective what, std::size_t bytes, bool copies, bool shared) {
        facts.what = what;
        facts.bytes = has_blocks(what) ? bytes / 4 : bytes;
        facts.speed.copies_private = copies;
        facts.shared_buffers = shared;
        auto const& entry = *choose(entries_of(what), facts);
        auto const cost = entry.formula(4, choice{});
        CHECK(predict(cost, facts) > 0);
        return std::pair(std::string(entry.name), cost.messages > cost.rounds);
    };
    for (auto const what : {collective::all_reduce, collective::reduce_scatter}) {
        for (auto const copies : {false, true}) // short ones
            for (auto const shared : {false, true}) CHECK(chosen(what, 4096, copies, shared).second);
        CHECK(chosen(what, 8 << 20, false, false).second);
        CHECK_FALSE(chosen(what, 8 << 20, true, false).second);
        CHECK(chosen(what, 8 << 20, true, true).second);
    }
    CHECK(chosen(collective::all_reduce, 8 << 20, true, false).first == "rabenseifner");
    CHECK(chosen(collective::all_reduce, 32 << 20, true, false).first == "ring"); // whose messages are the shortest
    facts.speed.latency = 2e-7; // a core for each rank: not latency decides, but that nothing is passed on
    CHECK(chosen(collective::all_gather, 8 << 20, true, true).first == "direct");
    CHECK(chosen(collective::all_reduce, 8 << 20, true, true).first == "two_shot");
    CHECK(chosen(collective::all_gather, 8 << 20, true, false) == chosen(collective::all_gather, 8 << 20, false, false)); // folds nothing
}

namespace {

/// With a core for each rank.
choice_facts facts_of_broadcast() {
    choice_facts facts;
    facts.what = collective::broadcast;
    facts.speed.latency = 2e-7;
    facts.speed.per_message = 1e-7;
    facts.speed.per_byte = 3.5e-11;
    return facts;
}

using choice_and_segments = std::pair<std::string, int>;

choice_and_segments chosen_for(choice_facts facts, int ranks, std::size_t bytes) {
    facts.ranks = ranks;
    facts.bytes = bytes;
    auto const* const entry = choose(entries_of(facts.what), facts);
    return {std::string(entry->name), choose_segments(entry, facts)};
}

} // namespace

TEST_CASE("a broadcast that is copied in and out is cut, and passed on by few", "[tuning/choose]") {
    auto facts = facts_of_broadcast();
    auto const chosen = [&](int ranks, std::size_t bytes) { return chosen_for(facts, ranks, bytes); };
    CHECK(chosen(4, 128 << 10) == choice_and_segments("chain", 1)); // sends least
    CHECK(chosen(4, 1 << 20) == choice_and_segments("chain", 4));
    facts.speed.copies_private = true;
    facts.speed.copied_segment_bytes = 32 << 10;
    CHECK(chosen(2, 16 << 10).second == 1);
    for (auto const& [bytes, segments] : {std::pair{64 << 10, 2}, {128 << 10, 4}, {256 << 10, 8}, {1 << 20, 8}, {4 << 20, 16}}) {
        CHECK(chosen(2, static_cast<std::size_t>(bytes)).second == segments);
        CHECK(chosen(4, static_cast<std::size_t>(bytes)) == choice_and_segments("binomial", segments));
    }
    CHECK(chosen(8, 64 << 10) == choice_and_segments("binomial", 2));
    CHECK(chosen(16, 4 << 20) == choice_and_segments("double_tree", 8)); // its messages are halves
    facts.what = collective::gather;
    CHECK(chosen(4, 128 << 10).second == 1);
}

TEST_CASE("a broadcast that is read in place is read by all from the root, unless they are many", "[tuning/choose]") {
    auto facts = facts_of_broadcast();
    auto const chosen = [&](int ranks, std::size_t bytes) { return chosen_for(facts, ranks, bytes); };
    for (auto const by_itself : {false, true}) { // of the transport's own, or because the program says that buffers are shared
        facts.speed.reads_in_place = by_itself;
        facts.speed.copies_private = facts.shared_buffers = !by_itself;
        CHECK(chosen(2, 32 << 20) == choice_and_segments("binomial", 1)); // there is one message
        for (auto const bytes : {128 << 10, 1 << 20, 32 << 20}) CHECK(chosen(4, static_cast<std::size_t>(bytes)) == choice_and_segments("direct", 1));
        CHECK(chosen(16, 8).first == "binomial"); // its root sends four messages instead of fifteen
        CHECK(chosen(16, 64 << 10) == choice_and_segments("direct", 1));
        CHECK(chosen(64, 32 << 20).first == "double_tree");
    }
    auto const fast = std::exchange(facts.speed.latency, 4e-5); // ranks share processors: a round is a change of process
    CHECK(chosen(8, 0) == choice_and_segments("direct", 1));
    facts.speed.latency = fast;
    facts.speed.reads_in_place = facts.shared_buffers = false;
    CHECK(chosen(4, 1 << 20).first != "direct");
    facts.speed.latency = 4e-5;
    CHECK(chosen(8, 32 << 10) == choice_and_segments("direct", 1));
    CHECK(chosen(8, 32 << 20).first == "double_tree");
}

TEST_CASE("algorithms that are said to fold by the one tree are proven to", "[tuning/choose]") {
    int proven = 0;
    for (auto const what : {collective::all_reduce, collective::reduce})
        for (auto const& entry : entries_of(what))
            for (int p = 2; p <= 17; ++p) {
                if (entry.formula == nullptr || !folds_by_one_tree(what, entry.name, p)) continue;
                CAPTURE(std::string(entry.name), p);
                choice how;
                how.name = entry.name;
                for (int const segments : {1, 3}) {
                    std::vector<schedule> all;
                    for (int r = 0; r < p; ++r) all.push_back(record({.what = what, .rank = r, .ranks = p, .segments = segments}, entry.record, how));
                    CHECK(verify(all).determinism_level == 3);
                }
                ++proven;
            }
    CHECK(proven == 16 + 2 * 4 + 16); // tree, two algorithms at four powers of two, binomial
}

TEST_CASE("levels: exact operators hold them all, inexact ones at most the third", "[tuning/choose]") {
    CHECK(holds(2, collective::all_reduce, "ring", 5, false));
    CHECK_FALSE(holds(3, collective::all_reduce, "ring", 5, false));
    CHECK(holds(3, collective::all_reduce, "tree", 5, false));
    CHECK_FALSE(holds(3, collective::all_reduce, "rabenseifner", 6, false));
    CHECK_FALSE(holds(4, collective::all_reduce, "tree", 5, false));
    CHECK(holds(4, collective::all_reduce, "ring", 5, true));
    CHECK(holds(4, collective::all_gather, "ring", 5, false));
    CHECK_FALSE(holds(3, collective::reduce_scatter, "pairwise", 4, false));
    choice_facts facts;
    facts.ranks = 6;
    facts.bytes = 1 << 20;
    facts.determinism = 3;
    CHECK(choose(entries_of(facts.what), facts)->name == "tree");
    facts.determinism = 4;
    CHECK(choose(entries_of(facts.what), facts) == nullptr);
}
