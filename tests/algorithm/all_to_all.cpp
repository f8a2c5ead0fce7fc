/// The all-to-all algorithms: right for any p, as costly as the catalogue says, and what small ones do.

#include "algorithm/prove.hpp"

#include <chorus/algorithm/all_to_all/catalogue.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace chorus;
using namespace chorus::testing;
using lines = std::vector<std::string>;

constexpr std::span<catalogue_entry const> entries = catalogue<collective::all_to_all>::entries;

/// Out of place: what is sent first then reads "in:".
lines trace_of(std::string_view algorithm, int rank, int ranks) {
    choice how;
    how.name = algorithm;
    auto const& entry = *find(entries, algorithm);
    return trace(record({.what = entry.what, .rank = rank, .ranks = ranks}, entry.record, how));
}

bool forwards(std::string_view algorithm) { return find(entries, algorithm)->forwards_blocks; }

} // namespace

TEST_CASE("every all_to_all is right on 1 to 33 ranks and costs what its formula says", "[algorithm][all_to_all]") {
    CHECK(disproof_of(entries, 1, 33) == "");
}

TEST_CASE("every all_to_all is right out of place with cut messages", "[algorithm][all_to_all]") {
    for (auto const& entry : entries)
        for (int p = 1; p <= 17 && entry.record != nullptr; ++p)
            for (int segments = 2; segments <= 3; ++segments) {
                choice how;
                how.name = entry.name;
                CHECK(disproof({.what = entry.what, .ranks = p, .segments = segments}, entry, how) == "");
            }
}

TEST_CASE("bruck is right for every radix, also one that does not fit an int when multiplied",
          "[algorithm][all_to_all]") {
    for (auto const radix : {3, 4, 5, 8, 16, 33, 2'000'000'000})
        for (int p = 1; p <= 33; ++p) {
            choice how;
            how.name = "bruck";
            how.radix = radix;
            CHECK(disproof_on(p, *find(entries, "bruck"), how) == "");
        }
}

TEST_CASE("bruck refuses a radix below 2", "[algorithm][all_to_all]") {
    choice how;
    how.name = "bruck";
    auto const& bruck = *find(entries, "bruck");
    CHECK(bruck.refuses(7, how) == "");
    how.radix = 1;
    CHECK(bruck.refuses(7, how) == "the radix must be at least 2");
}

TEST_CASE("what passes blocks on says so", "[algorithm][all_to_all]") {
    for (auto const& entry : entries) {
        INFO(entry.name);
        bool passes = false;
        if (entry.record != nullptr) {
            choice how;
            how.name = entry.name;
            if (entry.name == "hierarchical") {
                auto levels = std::make_shared<hierarchy>();
                levels->group_of = {0, 0, 1, 1};
                how.levels = levels;
            }
            for (auto const& each : record_all({.what = entry.what, .ranks = 4}, entry.record, how))
                passes = passes || each.buffers.size() > 2;
        }
        CHECK(entry.forwards_blocks == passes);
    }
    CHECK(forwards("ring"));
    CHECK_FALSE(forwards("direct"));
}

TEST_CASE("a ring all_to_all takes the shorter way", "[algorithm][all_to_all]") {
    // Rank 0 of 4 has block 1 and 2 for the ranks ahead, block 3 for the one behind; 3's block for 1 passes through.
    CHECK(trace_of("ring", 0, 4) == lines{"send 1 in:1..2 in:2..3", "recv 3 3..4 scratch:0..1", "send 3 in:3..4",
                                          "recv 1 1..2", "send 1 scratch:0..1", "recv 3 2..3", "copy in:0..1 0..1"});
}

TEST_CASE("a tree all_to_all meets in the root", "[algorithm][all_to_all]") {
    CHECK(trace_of("tree", 1, 3) == lines{"send 0 in:2..3 in:0..1", "recv 0 2..3 0..1", "copy in:1..2 1..2"});
    CHECK(trace_of("tree", 0, 3) == lines{"recv 1 scratch:0..1 1..2", "recv 2 2..3 scratch:0..1",
                                          "send 2 in:2..3 scratch:0..1", "send 1 scratch:0..1 in:1..2",
                                          "copy in:0..1 0..1"});
}

TEST_CASE("pairwise exchanges on powers of two and shifts otherwise", "[algorithm][all_to_all]") {
    CHECK(trace_of("pairwise", 1, 4) == lines{"send 0 in:0..1", "recv 0 0..1", "send 3 in:3..4", "recv 3 3..4",
                                              "send 2 in:2..3", "recv 2 2..3", "copy in:1..2 1..2"});
    CHECK(trace_of("pairwise", 1, 3) ==
          lines{"send 2 in:2..3", "recv 0 0..1", "send 0 in:0..1", "recv 2 2..3", "copy in:1..2 1..2"});
}

TEST_CASE("bruck sends blocks with the same digit together", "[algorithm][all_to_all]") {
    // Distances 1 and 3 have digit 1 = 1; of those, 3 still has 2 to go. Distance 2 moves in the second round only.
    CHECK(trace_of("bruck", 0, 4) == lines{"send 1 in:1..2 in:3..4", "recv 3 3..4 scratch:0..1",
                                           "send 2 in:2..3 scratch:0..1", "recv 2 2..3 1..2", "copy in:0..1 0..1"});
}

TEST_CASE("a direct all_to_all posts its receives first", "[algorithm][all_to_all]") {
    CHECK(trace_of("direct", 0, 3) ==
          lines{"recv 2 2..3", "recv 1 1..2", "send 1 in:1..2", "send 2 in:2..3", "copy in:0..1 0..1"});
}
