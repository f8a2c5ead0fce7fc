#include "support/seed.hpp"

#include <chorus/network/htsim.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>

using namespace chorus;
using Catch::Matchers::Contains;

namespace {

std::string const three_tiers = R"(# 12 pods of 36, three cables between an aggregation switch and a core
Nodes 432
Tiers 3
Podsize 36

Tier 0
Downlink_speed_Gbps 200
Radix_Down 6
Radix_Up 6
Queue_Up 100
Downlink_Latency_ns 1000
Switch_Latency_ns 300

Tier 1
Downlink_speed_Gbps 100
Radix_Down 6
Radix_Up 6
Downlink_Latency_ns 1000

Tier 2
Downlink_speed_Gbps 100
Radix_Down 36
Downlink_Latency_ns 600000
Bundle 3
)";

std::string const two_tiers = R"(Nodes 32
Tiers 2
Podsize 32
Tier 0
Downlink_speed_Gbps 100
Radix_Down 8
Radix_Up 2
Oversubscribed 4
Downlink_Latency_ns 1000
Tier 1
downlink_speed_gbps 400
radix_down 4
downlink_latency_ns 500)";

topology read(std::string const& text) { return parse_htsim_topology("a.topo", text); }

/// The text with `word` replaced.
std::string with(std::string text, std::string const& word, std::string const& other) {
    text.replace(text.find(word), word.size(), other);
    return text;
}

} // namespace

TEST_CASE("a .topo file of htsim is a fabric of the grammar", "[network][htsim]") {
    auto const on = read(three_tiers);
    auto const& c = *on.clos();
    CHECK(on.endpoints() == 432);
    CHECK(c == clos_shape{.pods = 12, .edges = 6, .aggregations = 6, .cores = 2, .core_cables = 3, .per_edge = 6});
    CHECK(on.rate(2 * c.access_cable(0, 5)) == 25e9);
    CHECK(on.latency(2 * c.access_cable(0, 5)) == Approx(1.3e-6));
    CHECK(on.rate(2 * c.edge_cable(0, 1, 1)) == 12.5e9);
    CHECK(on.latency(2 * c.core_cable(0, 1, 1, 1)) == Approx(600e-6));
    CHECK(parse_topology(on.text()).text() == on.text());

    auto const small = read(two_tiers);
    CHECK(*small.clos() == clos_shape{.edges = 4, .aggregations = 2, .per_edge = 8});
    CHECK(small.rate(2 * small.clos()->edge_cable(0, 0, 0)) == 50e9);
}

TEST_CASE("what is wrong with a .topo file is told by line", "[network][htsim]") {
    CHECK_THROWS_WITH(read(with(two_tiers, "Nodes 32", "Nodes x")), Contains("a.topo:1: nodes should be a number from 1 to 2097152, not 'x'"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Tiers 2", "Tiers 4")), Contains("a.topo:2: tiers should be a number from 2 to 3"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Radix_Up 2", "Radix_Sideways 2")), Contains("a.topo:7: there is no 'radix_sideways'; allowed are Nodes"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Tier 1", "Tier 2")), Contains("tier should be a number from 0 to 1"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Tier 0\n", "")), Contains("'Tier 0' should come before it"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Oversubscribed 4", "Oversubscribed 3")), Contains("does not fit Radix_Down 8 and Radix_Up 2"));
    CHECK_THROWS_WITH(read(with(two_tiers, "radix_down 4", "radix_down 5")), Contains("should be 4: 4 switches below in a pod with 1 cables each"));
    CHECK_THROWS_WITH(read(with(three_tiers, "Podsize 36", "Podsize 35")), Contains("should be a multiple of Podsize"));
    CHECK_THROWS_WITH(read(with(three_tiers, "Bundle 3", "Bundle 4")), Contains("should be a multiple of Bundle 4 of tier 2"));
    CHECK_THROWS_WITH(read(with(three_tiers, "Radix_Down 36", "Radix_Up 36")), Contains("the topmost tier has no Radix_Up"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Nodes 32", "Nodes 32 33")), Contains("a.topo:1: '33' is too much"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Tiers 2", "Tiers 2\nTiers 2")), Contains("a.topo:3: 'tiers' is there twice"));
    CHECK_THROWS_WITH(read(with(two_tiers, "Radix_Up 2", "Radix_Up 2\nradix_up 3")), Contains("a.topo:8: 'radix_up' is there twice"));
    CHECK_THROWS_WITH(read(""), Contains("'Nodes', 'Tiers' and 'Podsize' are needed"));
    CHECK_THROWS_WITH(load_htsim_topology("/nonexistent.topo"), Contains("cannot be read"));
}

TEST_CASE("damaged .topo files are refused or read", "[network][htsim][fuzz]") {
    auto const seed = chorus::testing::test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 4000; ++round) {
        auto text = random() % 2 == 0 ? three_tiers : two_tiers;
        for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
            auto const at = random() % text.size();
            if (random() % 2 == 0) text[at] = "0123456789\n #TierNodx-"[random() % 22];
            else text.erase(at, 1 + random() % 9);
        }
        try {
            auto const on = read(text);
            REQUIRE(on.endpoints() > 0);
        } catch (usage_error const&) {
        }
    }
}
