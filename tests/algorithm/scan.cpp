#include "algorithm/prove.hpp"

#include <chorus/algorithm/parse.hpp>
#include <chorus/algorithm/scan/catalogue.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr auto& entries = catalogue<collective::scan>::entries;
using lines = std::vector<std::string>;

lines trace(std::string_view algorithm, int rank, int ranks, int root = 0) {
    return trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every scan algorithm is right and costs what it says", "[algorithm][scan]") {
    CHECK(disproof_of(entries, 1, 33) == "");
}

TEST_CASE("every scan algorithm is right on many ranks", "[algorithm][scan][long]") {
    CHECK(disproof_of(entries, 34, 64) == "");
}

TEST_CASE("scan: what the catalogue says of names and of operand order holds", "[algorithm][scan]") {
    for (auto const& entry : entries) CHECK(parse_choice(entry.name, 1).name == entry.name);
    CHECK(wrong_about_order(entries) == "");
    CHECK(std::any_of(entries.begin(), entries.end(),
                      [](auto const& e) { return e.keeps_order && e.record != nullptr; }));
    CHECK(entries.back().name == "native");
    CHECK(entries.back().record == nullptr);
}

TEST_CASE("scan doubles what it has summed", "[algorithm][scan][trace]") {
    CHECK(trace("doubling", 2, 4) == lines{"send 3 0..1", "recv_reduce 1 0..1 left", "recv_reduce 0 0..1 left"});
}
