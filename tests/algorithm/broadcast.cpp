#include "algorithm/prove.hpp"

#include <chorus/algorithm/broadcast/catalogue.hpp>
#include <chorus/algorithm/parse.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto& entries = catalogue<collective::broadcast>::entries;
using lines = std::vector<std::string>;

lines trace(std::string_view algorithm, int rank, int ranks, int root = 0) {
    return trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every broadcast algorithm is right and costs what it says", "[algorithm][broadcast]") {
    CHECK(disproof_of(entries, 1, 12) == "");
}

TEST_CASE("every broadcast algorithm is right on many ranks", "[algorithm][broadcast][long]") {
    CHECK(disproof_of(entries, 13, 33) == "");
}

TEST_CASE("broadcast: what the catalogue says of names and of operand order holds", "[algorithm][broadcast]") {
    for (auto const& entry : entries) CHECK(parse_choice(entry.name, 1).name == entry.name);
    CHECK(wrong_about_order(entries) == "");
    CHECK(std::any_of(entries.begin(), entries.end(),
                      [](auto const& e) { return e.keeps_order && e.record != nullptr; }));
    CHECK(entries.back().name == "native");
    CHECK(entries.back().record == nullptr);
}

TEST_CASE("binomial broadcast sends to the largest subtree first", "[algorithm][broadcast][trace]") {
    CHECK(trace("binomial", 3, 4, 3) == lines{"send 0 0..1", "send 2 0..1"});
    CHECK(trace("binomial", 0, 4, 3) == lines{"recv 3 0..1", "send 1 0..1"});
}

TEST_CASE("chain broadcast passes on", "[algorithm][broadcast][trace]") {
    CHECK(trace("chain", 2, 3, 1) == lines{"recv 1 0..1", "send 0 0..1"});
    CHECK(trace("chain", 0, 3, 1) == lines{"recv 2 0..1"});
}

TEST_CASE("direct broadcast sends to the next rank first", "[algorithm][broadcast][trace]") {
    CHECK(trace("direct", 1, 3, 1) == lines{"send 2 0..1", "send 0 0..1"});
    CHECK(trace("direct", 0, 3, 1) == lines{"recv 1 0..1"});
}

TEST_CASE("double tree broadcast sends each half down a tree of its own", "[algorithm][broadcast][trace]") {
    CHECK(trace("double_tree", 0, 3, 0) == lines{"send 2 0..1/2", "send 1 1/2..1 lane 1"});
    CHECK(trace("double_tree", 1, 3, 0) == lines{"recv 2 0..1/2", "recv 0 1/2..1 lane 1", "send 2 1/2..1 lane 1"});
}

TEST_CASE("broadcast by scatter and all-gather sends every part once, then exchanges them",
          "[algorithm][broadcast][trace]") {
    CHECK(trace("scatter_all_gather", 1, 2, 1) == lines{"send 0 0..1/2", "send 0 1/2..1", "recv 0 0..1/2"});
}
