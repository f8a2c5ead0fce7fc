/// The all-gather algorithms: right for any p, as costly as the catalogue says, and what small ones do.

#include "algorithm/prove.hpp"

#include <chorus/algorithm/all_gather/catalogue.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace chorus;
using namespace chorus::testing;
using lines = std::vector<std::string>;

constexpr std::span<catalogue_entry const> entries = catalogue<collective::all_gather>::entries;

lines trace_of(std::string_view algorithm, int rank, int ranks) {
    return testing::trace_of({.rank = rank, .ranks = ranks}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every all_gather is right on 1 to 33 ranks and costs what its formula says", "[algorithm][all_gather]") {
    CHECK(disproof_of(entries, 1, 33) == "");
}

TEST_CASE("every all_gather is right out of place with cut messages", "[algorithm][all_gather]") {
    for (auto const& entry : entries)
        for (int p = 1; p <= 17 && entry.record != nullptr; ++p)
            for (int segments = 2; segments <= 3; ++segments) {
                choice how;
                how.name = entry.name;
                CHECK(disproof({.what = entry.what, .ranks = p, .segments = segments}, entry, how) == "");
            }
}

TEST_CASE("a ring all_gather passes blocks on", "[algorithm][all_gather]") {
    CHECK(trace_of("ring", 1, 3) == lines{"send 2 1..2", "recv 0 0..1", "send 2 0..1", "recv 0 2..3"});
}

TEST_CASE("a tree all_gather sends a child only what it lacks", "[algorithm][all_gather]") {
    CHECK(trace_of("tree", 0, 3) == lines{"recv 1 1..2", "recv 2 2..3", "send 2 0..1 1..2", "send 1 2..3 0..1"});
    CHECK(trace_of("tree", 1, 3) == lines{"send 0 1..2", "recv 0 2..3 0..1"});
}

TEST_CASE("recursive doubling folds rank 1 of 3 onto rank 0", "[algorithm][all_gather]") {
    CHECK(trace_of("recursive_doubling", 0, 3) ==
          lines{"recv 1 1..2", "send 2 0..1 1..2", "recv 2 2..3", "send 1 2..3 0..1"});
    CHECK(trace_of("recursive_doubling", 1, 3) == lines{"send 0 1..2", "recv 0 2..3 0..1"});
    CHECK(trace_of("recursive_doubling", 2, 3) == lines{"send 0 2..3", "recv 0 0..1 1..2"});
}

TEST_CASE("bruck and circulant differ in their skips", "[algorithm][all_gather]") {
    CHECK(trace_of("bruck", 0, 5) ==
          lines{"send 4 0..1", "recv 1 1..2", "send 3 0..1 1..2", "recv 2 2..3 3..4", "send 1 0..1", "recv 4 4..5"});
    CHECK(trace_of("circulant", 0, 5) ==
          lines{"send 4 0..1", "recv 1 1..2", "send 3 0..1", "recv 2 2..3", "send 2 0..1 1..2", "recv 3 3..4 4..5"});
}

TEST_CASE("neighbours exchange one block, then two at a time", "[algorithm][all_gather]") {
    CHECK(trace_of("neighbour_exchange", 0, 6) == lines{"send 1 0..1", "recv 1 1..2", "send 5 0..1 1..2",
                                                        "recv 5 4..5 5..6", "send 1 4..5 5..6", "recv 1 2..3 3..4"});
}

TEST_CASE("neighbour exchange takes an odd rank along", "[algorithm][all_gather]") {
    CHECK(trace_of("neighbour_exchange", 2, 3) == lines{"send 1 2..3", "recv 1 0..1 1..2"});
    CHECK(trace_of("neighbour_exchange", 1, 3) ==
          lines{"recv 2 2..3", "send 0 1..2 2..3", "recv 0 0..1", "send 2 0..1 1..2"});
}

TEST_CASE("a direct all_gather begins with the next rank", "[algorithm][all_gather]") {
    CHECK(trace_of("direct", 1, 3) == lines{"send 2 1..2", "recv 0 0..1", "send 0 1..2", "recv 2 2..3"});
}
