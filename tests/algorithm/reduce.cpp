#include "algorithm/prove.hpp"

#include <chorus/algorithm/parse.hpp>
#include <chorus/algorithm/reduce/catalogue.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto& entries = catalogue<collective::reduce>::entries;
using lines = std::vector<std::string>;

lines trace(std::string_view algorithm, int rank, int ranks, int root = 0) {
    return trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every reduce algorithm is right and costs what it says", "[algorithm][reduce]") {
    CHECK(disproof_of(entries, 1, 12) == "");
}

TEST_CASE("every reduce algorithm is right on many ranks", "[algorithm][reduce][long]") {
    CHECK(disproof_of(entries, 13, 33) == "");
}

TEST_CASE("reduce: what the catalogue says of names and of operand order holds", "[algorithm][reduce]") {
    for (auto const& entry : entries) CHECK(parse_choice(entry.name, 1).name == entry.name);
    CHECK(wrong_about_order(entries) == "");
    CHECK(std::any_of(entries.begin(), entries.end(),
                      [](auto const& e) { return e.keeps_order && e.record != nullptr; }));
    CHECK(entries.back().name == "native");
    CHECK(entries.back().record == nullptr);
}

TEST_CASE("binomial reduce puts lower ranks on the left for any root", "[algorithm][reduce][trace]") {
    CHECK(trace("binomial", 1, 4, 1) == lines{"recv_reduce 0 0..1 left", "recv_reduce 2 0..1"});
    CHECK(trace("binomial", 3, 4, 3) == lines{"recv_reduce 2 0..1 left", "recv_reduce 0 0..1 left"});
}

TEST_CASE("chain reduce meets at the root", "[algorithm][reduce][trace]") {
    CHECK(trace("chain", 1, 3, 1) == lines{"recv_reduce 0 0..1 left", "recv_reduce 2 0..1"});
}

TEST_CASE("direct reduce folds in the order of ranks", "[algorithm][reduce][trace]") {
    CHECK(trace("direct", 2, 4, 2) == lines{"recv 0 scratch:0..1", "recv_reduce 1 scratch:0..1",
                                            "reduce scratch:0..1 0..1 left", "recv_reduce 3 0..1"});
}
