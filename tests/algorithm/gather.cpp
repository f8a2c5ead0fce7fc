/// The gather algorithms: right for any p and root, as costly as the catalogue says, and what small ones do.

#include "algorithm/prove.hpp"

#include <chorus/algorithm/gather/catalogue.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace chorus;
using namespace chorus::testing;
using lines = std::vector<std::string>;

constexpr std::span<catalogue_entry const> entries = catalogue<collective::gather>::entries;

lines trace_of(std::string_view algorithm, int rank, int ranks, int root) {
    return testing::trace_of({.rank = rank, .ranks = ranks, .root = root}, *find(entries, algorithm));
}

} // namespace

TEST_CASE("every gather is right on 1 to 33 ranks from all roots and costs what its formula says",
          "[algorithm][gather]") {
    CHECK(disproof_of(entries, 1, 33) == "");
}

TEST_CASE("every gather is right out of place with cut messages", "[algorithm][gather]") {
    for (auto const& entry : entries)
        for (int p = 1; p <= 17 && entry.record != nullptr; ++p)
            for (int root = 0; root < p; ++root) {
                choice how;
                how.name = entry.name;
                CHECK(disproof({.what = entry.what, .ranks = p, .root = root, .segments = 3}, entry, how) == "");
            }
}

TEST_CASE("a binomial gather collects intervals of ranks, whatever the root", "[algorithm][gather]") {
    CHECK(trace_of("binomial", 3, 6, 3) == lines{"recv 2 2..3", "recv 0 0..1 1..2", "recv 4 4..5 5..6"});
    CHECK(trace_of("binomial", 0, 6, 3) == lines{"recv 1 scratch:1..2", "send 3 in:0..1 scratch:1..2"});
    CHECK(trace_of("binomial", 5, 6, 3) == lines{"send 4 in:0..1"});
}

TEST_CASE("a direct gather receives from everybody", "[algorithm][gather]") {
    CHECK(trace_of("direct", 1, 3, 1) == lines{"recv 2 2..3", "recv 0 0..1"});
    CHECK(trace_of("direct", 0, 3, 1) == lines{"send 1 in:0..1"});
}
