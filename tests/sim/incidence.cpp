/// Which flows are on which links.

#include "support/seed.hpp"

#include <chorus/sim/incidence.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <span>
#include <vector>

using chorus::sim::incidence;

TEST_CASE("flows by link and links by flow agree, whatever comes and goes", "[incidence]") {
    auto const seed = chorus::testing::test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    constexpr std::uint32_t links = 12;
    for (int round = 0; round < 50; ++round) {
        incidence uses(links);
        std::map<std::int32_t, std::map<std::uint32_t, double>> expected;
        for (int step = 0; step < 200; ++step) {
            if (!expected.empty() && random() % 3 == 0) {
                auto const gone = std::next(expected.begin(), static_cast<std::ptrdiff_t>(random() % expected.size()));
                std::set<std::uint32_t> left;
                uses.remove(gone->first, [&](std::uint32_t link) { left.insert(link); });
                REQUIRE(left.size() == gone->second.size());
                for (auto const& each : gone->second) REQUIRE(left.contains(each.first));
                expected.erase(gone);
            } else {
                // Weights other than 1 come late, so that the entries before have none.
                auto const weighted = step > 100 && random() % 2 == 0;
                std::map<std::uint32_t, double> on;
                for (auto count = 1 + random() % 4; count > 0; --count) on[static_cast<std::uint32_t>(random() % links)] = weighted ? 0.25 * static_cast<double>(1 + random() % 8) : 1;
                std::vector<std::uint32_t> which;
                std::vector<double> weights;
                for (auto const& [link, weight] : on) which.push_back(link), weights.push_back(weight);
                auto const number = uses.add(which, weighted ? std::span<double const>(weights) : std::span<double const>());
                REQUIRE_FALSE(expected.contains(number));
                REQUIRE(static_cast<std::size_t>(number) < uses.bound());
                expected[number] = on;
            }
        }
        std::size_t seen = 0;
        for (std::uint32_t link = 0; link < links; ++link)
            uses.flows_on(link, [&](std::int32_t flow, double weight) {
                REQUIRE(expected.at(flow).at(link) == weight);
                ++seen;
            });
        for (auto const& each : expected) {
            std::map<std::uint32_t, double> on;
            uses.links_of(each.first, [&](std::uint32_t link, double weight) { on[link] = weight; });
            REQUIRE(on == each.second);
            seen -= on.size();
        }
        REQUIRE(seen == 0);
    }
}

TEST_CASE("a flow that is refused leaves nothing", "[incidence]") {
    incidence uses(3);
    std::vector<std::uint32_t> const good{0, 1}, bad{0, 3};
    std::vector<double> const negative{1, -1};
    CHECK_THROWS_AS(uses.add(bad, {}), chorus::usage_error);
    CHECK_THROWS_AS(uses.add(good, negative), chorus::usage_error);
    CHECK_THROWS_AS(uses.add({}, {}), chorus::usage_error);
    CHECK(uses.bound() == 0);
    uses.flows_on(0, [](std::int32_t, double) { FAIL("nobody should be there"); });
}
