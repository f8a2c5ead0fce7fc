#include "algorithm/prove.hpp"

#include <chorus/algorithm/all_reduce/catalogue.hpp>
#include <chorus/algorithm/parse.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto& entries = catalogue<collective::all_reduce>::entries;
using lines = std::vector<std::string>;

lines trace(std::string_view algorithm, int rank, int ranks, int root = 0) {
    return trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every all_reduce algorithm is right and costs what it says", "[algorithm][all_reduce]") {
    CHECK(disproof_of(entries, 1, 17) == "");
}

TEST_CASE("every all_reduce algorithm is right on many ranks", "[algorithm][all_reduce][long]") {
    CHECK(disproof_of(entries, 18, 33) == "");
}

TEST_CASE("all_reduce: what the catalogue says of names and of operand order holds", "[algorithm][all_reduce]") {
    for (auto const& entry : entries) CHECK(parse_choice(entry.name, 1).name == entry.name);
    CHECK(wrong_about_order(entries) == "");
    CHECK(std::any_of(entries.begin(), entries.end(),
                      [](auto const& e) { return e.keeps_order && e.record != nullptr; }));
    CHECK(entries.back().name == "native");
    CHECK(entries.back().record == nullptr);
}

TEST_CASE("ring all_reduce sends a part to the next rank in every step", "[algorithm][all_reduce][trace]") {
    CHECK(trace("ring", 0, 3) == lines{"send 1 0..1/3", "recv_reduce 2 2/3..1", "send 1 2/3..1",
                                       "recv_reduce 2 1/3..2/3", "send 1 1/3..2/3", "recv 2 0..1/3", "send 1 0..1/3",
                                       "recv 2 2/3..1"});
    CHECK(trace("ring", 0, 1) == lines{});
}

TEST_CASE("tree all_reduce goes up and comes down again", "[algorithm][all_reduce][trace]") {
    CHECK(trace("tree", 0, 4) == lines{"recv_reduce 1 0..1", "recv_reduce 2 0..1", "send 2 0..1", "send 1 0..1"});
    CHECK(trace("tree", 2, 4) == lines{"recv_reduce 3 0..1", "send 0 0..1", "recv 0 0..1", "send 3 0..1"});
}

TEST_CASE("recursive doubling folds odd ranks onto their neighbours off powers of two",
          "[algorithm][all_reduce][trace]") {
    CHECK(trace("recursive_doubling", 0, 3) ==
          lines{"recv_reduce 1 0..1", "send 2 0..1", "recv_reduce 2 0..1", "send 1 0..1"});
    CHECK(trace("recursive_doubling", 1, 3) == lines{"send 0 0..1", "recv 0 0..1"});
    CHECK(trace("recursive_doubling", 2, 3) == lines{"send 0 0..1", "recv_reduce 0 0..1 left"});
}

TEST_CASE("rabenseifner halves towards the nearest partner first", "[algorithm][all_reduce][trace]") {
    CHECK(trace("rabenseifner", 1, 4) == lines{"send 0 0..1/2", "recv_reduce 0 1/2..1 left", "send 3 3/4..1",
                                               "recv_reduce 3 1/2..3/4", "send 3 1/2..3/4", "recv 3 3/4..1",
                                               "send 0 1/2..1", "recv 0 0..1/2"});
}

TEST_CASE("a double tree's inner rank of one tree is a leaf of the other", "[algorithm][all_reduce][trace]") {
    CHECK(trace("double_tree", 2, 4) == lines{"recv_reduce 1 0..1/2 left", "recv_reduce 3 0..1/2", "send 0 0..1/2",
                                              "recv 0 0..1/2", "send 1 0..1/2", "send 3 0..1/2", "send 3 1/2..1 lane 1",
                                              "recv 3 1/2..1 lane 1"});
}

TEST_CASE("circulant all_reduce comes back the way it went", "[algorithm][all_reduce][trace]") {
    CHECK(trace("circulant", 0, 3) == lines{"send 2 2/3..1", "recv_reduce 1 0..1/3", "send 1 1/3..2/3",
                                            "recv_reduce 2 0..1/3", "send 2 0..1/3", "recv 1 1/3..2/3", "send 1 0..1/3",
                                            "recv 2 2/3..1"});
}

TEST_CASE("one-shot sums in the order of ranks everywhere", "[algorithm][all_reduce][trace]") {
    CHECK(trace("one_shot", 0, 3) == lines{"send 1 0..1", "send 2 0..1", "recv_reduce 1 0..1", "recv_reduce 2 0..1"});
    CHECK(trace("one_shot", 1, 3) ==
          lines{"send 2 0..1", "send 0 0..1", "recv_reduce 0 0..1 left", "recv_reduce 2 0..1"});
    CHECK(trace("one_shot", 2, 3) == lines{"send 0 0..1", "send 1 0..1", "recv 0 scratch:0..1",
                                           "recv_reduce 1 scratch:0..1", "reduce scratch:0..1 0..1 left"});
}

TEST_CASE("two-shot sums one part per rank and sends it to all", "[algorithm][all_reduce][trace]") {
    CHECK(trace("two_shot", 0, 2) == lines{"send 1 1/2..1", "recv_reduce 1 0..1/2", "send 1 0..1/2", "recv 1 1/2..1"});
}
