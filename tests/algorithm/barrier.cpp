#include "algorithm/prove.hpp"

#include <chorus/algorithm/barrier/catalogue.hpp>
#include <chorus/algorithm/parse.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto& entries = catalogue<collective::barrier>::entries;
using lines = std::vector<std::string>;

lines trace(std::string_view algorithm, int rank, int ranks, int root = 0) {
    return trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every barrier algorithm is right and costs what it says", "[algorithm][barrier]") {
    CHECK(disproof_of(entries, 1, 33) == "");
}

TEST_CASE("every barrier algorithm is right on many ranks", "[algorithm][barrier][long]") {
    CHECK(disproof_of(entries, 34, 64) == "");
}

TEST_CASE("barrier: what the catalogue says of names and of operand order holds", "[algorithm][barrier]") {
    for (auto const& entry : entries) CHECK(parse_choice(entry.name, 1).name == entry.name);
    CHECK(wrong_about_order(entries) == "");
    CHECK(std::any_of(entries.begin(), entries.end(),
                      [](auto const& e) { return e.keeps_order && e.record != nullptr; }));
    CHECK(entries.back().name == "native");
    CHECK(entries.back().record == nullptr);
}

TEST_CASE("each round of the barrier waits for the one before", "[algorithm][barrier][trace]") {
    CHECK(trace("dissemination", 0, 3) ==
          lines{"send 1 0..1", "recv 2 1..2", "copy 0..1 1..2", "send 2 1..2", "recv 1 2..3"});
}
