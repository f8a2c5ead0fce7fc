// The event loop of the fluid simulation: when flows end.
#include "reference.hpp"
#include "support/seed.hpp"

#include <chorus/sim/fluid.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace chorus::testing;
using chorus::sim::fluid;

namespace {

std::vector<double> simulate(sharing_problem const& problem) {
    fluid flows(problem.capacities);
    for (auto const& flow : problem.flows) flows.start(flow.links, flow.weights, flow.bytes);
    std::vector<double> finish(problem.flows.size());
    while (flows.active() > 0)
        flows.advance(flows.next(), [&](std::int32_t f) { finish[static_cast<std::size_t>(f)] = flows.now(); });
    return finish;
}

} // namespace

TEST_CASE("flows end when a simulation from scratch at every event says so", "[fluid]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 100; ++round) {
        auto const problem = random_problem(random, 3 + static_cast<int>(random() % 30), static_cast<int>(random() % 60));
        auto const found = simulate(problem), expected = finish_times(problem);
        for (std::size_t f = 0; f < found.size(); ++f) {
            INFO("round " << round << ", flow " << f);
            REQUIRE(found[f] == Approx(expected[f]).epsilon(1e-6).margin(1e-9));
        }
    }
}

TEST_CASE("a simulation repeats bit by bit", "[fluid]") {
    std::mt19937_64 random(7);
    auto const problem = random_problem(random, 200, 1000);
    REQUIRE(simulate(problem) == simulate(problem));
}

TEST_CASE("a flow that starts later slows the first from then on", "[fluid]") {
    fluid flows({1.0});
    std::vector<std::uint32_t> const link{0};
    auto const first = flows.start(link, {}, 10);
    auto const nothing = [](std::int32_t) {};
    flows.advance(4, nothing);
    flows.start(link, {}, 1);
    CHECK(flows.next() == Approx(6));
    flows.advance(flows.next(), nothing);
    CHECK(flows.next() == Approx(11));
    flows.advance(8, nothing);
    flows.set_capacity(0, 0);
    CHECK(flows.next() == chorus::sim::never);
    flows.advance(20, nothing);
    flows.set_capacity(0, 0.5);
    CHECK(flows.next() == Approx(26));
    flows.stop(first);
    CHECK(flows.active() == 0);
    CHECK(flows.next() == chorus::sim::never);
}

TEST_CASE("flows of no bytes end at once, also where nothing moves", "[fluid]") {
    fluid flows({0.0});
    int ended = 0;
    flows.start(std::vector<std::uint32_t>{0}, {}, 0);
    CHECK(flows.next() == 0);
    flows.advance(0, [&](std::int32_t) { ++ended; });
    CHECK(ended == 1);
    CHECK(flows.active() == 0);
    CHECK_THROWS_AS(flows.start(std::vector<std::uint32_t>{0}, {}, -1), chorus::usage_error);
}
