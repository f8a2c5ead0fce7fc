// Max-min fair rates against their definition, against a plain water-filling, and while flows come and go.
#include "reference.hpp"
#include "support/seed.hpp"

#include <chorus/sim/max_min.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using chorus::sim::max_min;
using namespace chorus::testing;

namespace {

std::vector<double> rates_of(max_min const& shared, std::vector<std::int32_t> const& numbers) {
    std::vector<double> rates;
    for (auto const f : numbers) rates.push_back(shared.rate(f));
    return rates;
}

void require_equal(std::vector<double> const& found, std::vector<double> const& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        INFO("flow " << i);
        REQUIRE(found[i] == Approx(expected[i]).epsilon(1e-7).margin(1e-9));
    }
}

} // namespace

TEST_CASE("two flows over one link get half of it each, and what one leaves goes to the other", "[max_min]") {
    max_min shared({10, 4});
    auto const a = shared.add(std::vector<std::uint32_t>{0});
    auto const b = shared.add(std::vector<std::uint32_t>{0, 1});
    shared.update();
    CHECK(shared.rate(a) == 6);
    CHECK(shared.rate(b) == 4);
    CHECK(shared.bottleneck(a) == 0);
    CHECK(shared.bottleneck(b) == 1);
    CHECK(shared.load(0) == 10);
    shared.set_capacity(1, 9);
    shared.update();
    CHECK(shared.rate(a) == 5);
    CHECK(shared.rate(b) == 5);
    shared.remove(b);
    CHECK(shared.update().size() == 1);
    CHECK(shared.rate(a) == 10);
}

TEST_CASE("a flow of weight 1/4 on a link takes a quarter of its rate there", "[max_min]") {
    max_min shared({1, 10});
    std::vector<std::uint32_t> const links{0, 1};
    std::vector<double> const weights{0.25, 1};
    auto const flow = shared.add(links, weights);
    shared.update();
    CHECK(shared.rate(flow) == 4);
    CHECK(shared.load(0) == 1);
}

TEST_CASE("a dead link stops its flows and nobody else", "[max_min]") {
    max_min shared({1, 1});
    auto const a = shared.add(std::vector<std::uint32_t>{0}), b = shared.add(std::vector<std::uint32_t>{1});
    shared.set_capacity(0, 0);
    shared.update();
    CHECK(shared.rate(a) == 0);
    CHECK(shared.rate(b) == 1);
}

TEST_CASE("what cannot be a flow or a link is refused", "[max_min]") {
    max_min shared({1.0});
    CHECK_THROWS_AS(shared.add(std::vector<std::uint32_t>{}), chorus::usage_error);
    CHECK_THROWS_AS(shared.add(std::vector<std::uint32_t>{1}), chorus::usage_error);
    CHECK_THROWS_AS(shared.add(std::vector<std::uint32_t>{0}, std::vector<double>{0.0}), chorus::usage_error);
    CHECK_THROWS_AS(shared.set_capacity(0, -1), chorus::usage_error);
    CHECK_THROWS_AS(max_min({1 / 0.0}), chorus::usage_error);
}

TEST_CASE("rates are those of a plain water-filling, whatever comes and goes", "[max_min]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 60; ++round) {
        auto problem = random_problem(random, 5 + static_cast<int>(random() % 40), 0);
        max_min shared(problem.capacities);
        std::vector<std::int32_t> numbers;
        for (int change = 0; change < 40; ++change) {
            auto const kind = random() % 10;
            if (kind < 6 || numbers.empty()) {
                problem.flows.push_back(random_flow(random, problem.capacities.size()));
                numbers.push_back(shared.add(problem.flows.back().links, problem.flows.back().weights));
            } else if (kind < 9) {
                auto const gone = static_cast<std::ptrdiff_t>(random() % numbers.size());
                shared.remove(numbers[static_cast<std::size_t>(gone)]);
                numbers.erase(numbers.begin() + gone);
                problem.flows.erase(problem.flows.begin() + gone);
            } else {
                auto const link = random() % problem.capacities.size();
                problem.capacities[link] = static_cast<double>(random() % 5);
                shared.set_capacity(static_cast<std::uint32_t>(link), problem.capacities[link]);
            }
            if (random() % 3 == 0) continue; // several changes at once
            shared.update();
            INFO("round " << round << ", change " << change);
            require_equal(rates_of(shared, numbers), water_filling(problem));
        }
    }
}

TEST_CASE("every flow has a bottleneck: a full link on which nobody is faster", "[max_min]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    auto const problem = random_problem(random, 400, 1500);
    max_min shared(problem.capacities);
    for (auto const& flow : problem.flows) shared.add(flow.links, flow.weights);
    shared.update();
    for (std::int32_t gone = 0; gone < 1000; ++gone) {
        shared.remove(gone);
        shared.update();
    }
    std::vector<double> used(problem.capacities.size()), fastest(used.size());
    auto const each_link = [&](auto visit) {
        for (std::size_t f = 1000; f < problem.flows.size(); ++f)
            for (std::size_t i = 0; i < problem.flows[f].links.size(); ++i)
                visit(f, problem.flows[f].links[i], problem.flows[f].weights[i]);
    };
    each_link([&](std::size_t f, std::size_t link, double weight) {
        auto const rate = shared.rate(static_cast<std::int32_t>(f));
        used[link] += weight * rate;
        fastest[link] = std::max(fastest[link], rate);
    });
    std::vector<bool> held(problem.flows.size());
    each_link([&](std::size_t f, std::size_t link, double) {
        REQUIRE(used[link] <= problem.capacities[link] * (1 + 1e-8) + 1e-12);
        auto const full = used[link] >= problem.capacities[link] * (1 - 1e-8);
        if (full && shared.rate(static_cast<std::int32_t>(f)) >= fastest[link] * (1 - 1e-8)) held[f] = true;
    });
    for (std::size_t f = 1000; f < problem.flows.size(); ++f) {
        INFO("flow " << f);
        REQUIRE(held[f]);
    }
}

TEST_CASE("a change is local: flows elsewhere are not touched", "[max_min]") {
    max_min shared(std::vector<double>(1000, 1.0));
    for (std::uint32_t i = 0; i < 1000; ++i)
        for (int k = 0; k < 3; ++k) shared.add(std::vector<std::uint32_t>{i});
    CHECK(shared.update().size() == 3000);
    shared.remove(30);
    CHECK(shared.update().size() == 2);
    CHECK(shared.update().empty());
}
