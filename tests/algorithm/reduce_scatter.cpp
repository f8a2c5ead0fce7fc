#include "algorithm/prove.hpp"

#include <chorus/algorithm/parse.hpp>
#include <chorus/algorithm/reduce_scatter/catalogue.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto& entries = catalogue<collective::reduce_scatter>::entries;
using lines = std::vector<std::string>;

lines trace(std::string_view algorithm, int rank, int ranks, int root = 0) {
    return trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every reduce_scatter algorithm is right and costs what it says", "[algorithm][reduce_scatter]") {
    CHECK(disproof_of(entries, 1, 17) == "");
}

TEST_CASE("every reduce_scatter algorithm is right on many ranks", "[algorithm][reduce_scatter][long]") {
    CHECK(disproof_of(entries, 18, 33) == "");
}

TEST_CASE("reduce_scatter: what the catalogue says of names and of operand order holds",
          "[algorithm][reduce_scatter]") {
    for (auto const& entry : entries) CHECK(parse_choice(entry.name, 1).name == entry.name);
    CHECK(wrong_about_order(entries) == "");
    CHECK(std::any_of(entries.begin(), entries.end(),
                      [](auto const& e) { return e.keeps_order && e.record != nullptr; }));
    CHECK(entries.back().name == "native");
    CHECK(entries.back().record == nullptr);
}

TEST_CASE("ring reduce_scatter ends with each rank's own block", "[algorithm][reduce_scatter][trace]") {
    CHECK(trace("ring", 0, 3) == lines{"send 1 2..3", "recv_reduce 2 1..2", "send 1 1..2", "recv_reduce 2 0..1"});
}

TEST_CASE("recursive halving gives the odd rank's blocks to the last of the other half",
          "[algorithm][reduce_scatter][trace]") {
    CHECK(trace("recursive_halving", 1, 3) == lines{"send 2 2..3", "send 0 0..1", "recv_reduce 0 1..2"});
    CHECK(trace("recursive_halving", 2, 3) == lines{"send 0 0..1 1..2", "recv_reduce 0 2..3", "recv_reduce 1 2..3"});
}

TEST_CASE("circulant reduce_scatter sends the far half away", "[algorithm][reduce_scatter][trace]") {
    CHECK(trace("circulant", 0, 3) == lines{"send 2 2..3", "recv_reduce 1 0..1", "send 1 1..2", "recv_reduce 2 0..1"});
}

TEST_CASE("pairwise reduce_scatter sums what arrives from above from its end", "[algorithm][reduce_scatter][trace]") {
    CHECK(trace("pairwise", 1, 4) == lines{"send 2 2..3", "recv_reduce 0 1..2 left", "send 3 3..4",
                                           "recv 3 scratch:0..1", "send 0 0..1", "recv_reduce 2 1..2",
                                           "reduce scratch:0..1 1..2"});
}

TEST_CASE("direct reduce_scatter sends every block to its owner", "[algorithm][reduce_scatter][trace]") {
    CHECK(trace("direct", 1, 3) ==
          lines{"send 2 2..3", "send 0 0..1", "recv_reduce 0 1..2 left", "recv_reduce 2 1..2"});
}
