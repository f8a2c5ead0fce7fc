// A phase on a fabric, from rates to the last flow.
#include "policies.hpp"
#include "support/seed.hpp"

#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/sim/phase.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace chorus;
using namespace chorus::testing;

TEST_CASE("on equal routes a shift through a full-bisection fat tree takes exactly the ideal time", "[phase]") {
    auto const on = parse_topology("fat-tree:k=8,rate=400G");
    auto const phase = shift_flows(on.endpoints(), 16, 50'000'000); // a pod further on
    auto const paths = random_routes(on, phase, 0, [&](flow const& f) { return f.source % 4 * 4 + f.source / 4 % 4; });
    auto const result = sim::simulate(on, phase, paths);
    CHECK(result.ideal == Approx(1e-3));
    CHECK(result.makespan == Approx(1e-3));
    CHECK(result.efficiency() == Approx(1));
    CHECK(result.mean_rate == Approx(1));
    CHECK(result.slowest_rate == Approx(1));
    CHECK_FALSE(result.contended);
}

TEST_CASE("spreading is ideal on a healthy full-bisection fabric, whatever the permutation", "[phase]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    for (auto const* text : {"fat-tree:k=8", "leaf-spine:leaves=8,spines=8,hosts=8", "dual-plane:leaves=8,spines=4,hosts=4"}) {
        auto const on = parse_topology(text);
        auto const phase = permutation_flows(on.endpoints(), seed, 1'000'000);
        auto const result = sim::simulate(on, phase, spread_all(phase));
        INFO(text);
        CHECK(result.efficiency() == Approx(1));
        CHECK_FALSE(result.contended);
    }
}

TEST_CASE("hashed routes collide: means of ten random permutations, as published", "[phase]") {
    struct expected {
        int k;
        double mean;
    };
    for (auto const& [k, mean] : {expected{8, 0.498}, expected{12, 0.443}, expected{16, 0.431}}) {
        auto const on = parse_topology("fat-tree:k=" + std::to_string(k));
        double sum = 0;
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            auto const phase = permutation_flows(on.endpoints(), seed, 1'000'000);
            auto const result = sim::simulate(on, phase, random_routes(on, phase, seed));
            sum += result.mean_rate;
            CHECK(result.contended);
            CHECK(result.efficiency() < 0.5);
        }
        INFO("k = " << k);
        CHECK(sum / 10 == Approx(mean).margin(0.03));
    }
}

TEST_CASE("efficiency scales rates; convergence is added once, where senders meet", "[phase]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=2,rate=400G");
    std::vector<flow> const apart{{0, 2, 50'000'000, 0}, {1, 3, 50'000'000, 0}};
    sim::efficiency const how{0.98, 0.95, 5e-6};
    auto const alone = sim::simulate(on, apart, spread_all(apart), how);
    CHECK_FALSE(alone.contended);
    CHECK(alone.makespan == Approx(1e-3 / (0.98 * 0.95)));
    CHECK(alone.efficiency() == Approx(0.98 * 0.95));
    std::vector<flow> const together{{0, 2, 50'000'000, 0}, {1, 2, 50'000'000, 0}};
    auto const meeting = sim::simulate(on, together, spread_all(together), how);
    CHECK(meeting.contended);
    CHECK(meeting.makespan == Approx(2e-3 / (0.98 * 0.95) + 5e-6));
    CHECK(meeting.mean_rate == Approx(0.98 * 0.95)); // of what incast allows
    CHECK_THROWS_AS(sim::simulate(on, apart, spread_all(apart), {0, 1, 0}), usage_error);
}

TEST_CASE("flows without a living path are stuck, and said to be", "[phase]") {
    auto on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=2");
    std::vector<flow> const phase{{0, 2, 1000, 0}, {1, 3, 1000, 0}, {1, 1, 1000, 0}};
    on.set_cable_health(0, 0);
    auto const result = sim::simulate(on, phase, spread_all(phase));
    CHECK(result.stuck == 1);
    CHECK(result.finish[0] == sim::never);
    CHECK(result.finish[1] > 0);
    CHECK(result.finish[2] == 0);
    CHECK(result.efficiency() == 0);
    routing nowhere;
    nowhere.assign(2, unreachable);
    std::vector<flow> const two{{0, 2, 1000, 0}, {1, 3, 1000, 0}};
    CHECK(sim::simulate(on, two, nowhere).stuck == 2);
}

TEST_CASE("no flow counts as faster than its share, whatever others leave to it", "[phase]") {
    auto on = parse_topology("leaf-spine:leaves=2,spines=1,hosts=4");
    on.set_cable_health(on.find_link("leaf0->spine0"), 0.01);
    std::vector<flow> const phase{{0, 4, 1000, 0}, {0, 1, 1000, 0}}; // the second gets nearly all of what both should share
    auto const result = sim::simulate(on, phase, spread_all(phase));
    CHECK(result.mean_rate <= 1);
    CHECK(result.mean_rate == Approx(0.51).epsilon(1e-3));
}

TEST_CASE("the bus of a super-node and its network are two line rates", "[phase]") {
    auto const on = parse_topology("super-node:nodes=2,npus=4,per_leaf=4,spines=4,rate=400G,bus=3.2T");
    std::vector<flow> const phase{{0, 1, 400'000'000, 0}, {1, 5, 50'000'000, 0}};
    auto const result = sim::simulate(on, phase, spread_all(phase));
    CHECK(result.ideal == Approx(1e-3));
    CHECK(result.makespan == Approx(1e-3));
    CHECK(result.mean_rate == Approx(1));
}

TEST_CASE("an observer sees the load of links between events", "[phase]") {
    auto const on = parse_topology("leaf-spine:leaves=2,spines=2,hosts=2,rate=400G");
    std::vector<flow> const phase{{0, 2, 50'000'000, 0}, {1, 2, 25'000'000, 0}};
    std::vector<double> loads;
    sim::simulate(on, phase, spread_all(phase), {},
                  [&](sim::fluid& flows) { loads.push_back(flows.rates().load(on.clos()->access_cable(0, 2) * 2 + 1)); });
    CHECK(loads == std::vector<double>{50e9, 50e9}); // both, then the longer one alone
}
