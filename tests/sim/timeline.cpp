// Programs of computations and exchanges on a network.
#include "policies.hpp"

#include <chorus/network/parse.hpp>
#include <chorus/sim/timeline.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <vector>

using namespace chorus;
using namespace chorus::testing;
using traffic::phase;

namespace {

traffic::exchange one(phase const& what) { return std::make_shared<std::vector<phase> const>(std::vector{what}); }

traffic::activity compute(double seconds, std::vector<std::uint32_t> after = {}) {
    traffic::activity result;
    result.name = "compute";
    result.seconds = seconds;
    result.after = std::move(after);
    return result;
}
traffic::activity communicate(traffic::exchange what, std::vector<std::uint32_t> after = {}, std::uint32_t job = 0) {
    traffic::activity result;
    result.name = result.kind = "data";
    result.phases = std::move(what);
    result.after = std::move(after);
    result.job = job;
    return result;
}

traffic::program on_ranks(topology const& on) {
    traffic::program program;
    program.jobs.push_back({"job", place_linear(on), 0, 0, 1});
    return program;
}

topology const small = parse_topology("leaf-spine:leaves=2,spines=4,hosts=4,rate=400G,latency=1us");

} // namespace

TEST_CASE("a ring of 2(p-1) steps takes their bytes and as many latencies", "[timeline]") {
    auto program = on_ranks(small);
    program.add(communicate(one(phase::shift(8, 1, 50e6, 14))));
    sim::run_options options;
    options.step_overhead = 3e-6;
    auto const record = sim::run(small, program, spreader{}, options);
    CHECK(record.makespan == Approx(14 * (1e-3 + 4e-6 + 3e-6)));
    REQUIRE(record.phases.size() == 1);
    CHECK(record.phases[0].efficiency() == Approx(1));
    CHECK(record.phases[0].ideal == Approx(14e-3));
    CHECK_FALSE(record.phases[0].contended);
}

TEST_CASE("what does not wait for each other overlaps, what does comes after", "[timeline]") {
    auto program = on_ranks(small);
    auto const forward = program.add(compute(1));
    auto const bucket = one(phase::shift(8, 4, 50e9)); // one second
    auto const first = program.add(communicate(bucket, {forward}));
    auto const second = program.add(compute(3, {forward}));
    program.add(communicate(bucket, {first, second}));
    auto const record = sim::run(small, program, spreader{});
    CHECK(record.activities[first].end == Approx(2));
    CHECK(record.activities[second].end == Approx(4));
    CHECK(record.makespan == Approx(5));
}

TEST_CASE("two jobs on the same links take from each other, and only then", "[timeline]") {
    traffic::program program;
    program.jobs.push_back({"a", {0, 1}, 0, 0, 1});
    program.jobs.push_back({"b", {2, 1}, 0, 0, 1});
    auto const bulk = one(phase::listed(2, {{0, 1, 50e9}}));
    auto const a = program.add(communicate(bulk, {}, 0)), b = program.add(communicate(bulk, {}, 1));
    auto record = sim::run(small, program, spreader{});
    CHECK(record.activities[a].end == Approx(2));
    CHECK(record.activities[b].end == Approx(2));
    program.jobs[1].ranks = {2, 3};
    record = sim::run(small, program, spreader{});
    CHECK(record.makespan == Approx(1));
}

TEST_CASE("a link that dies stops its flows until they are routed anew", "[timeline]") {
    auto program = on_ranks(small);
    program.add(communicate(one(phase::listed(8, {{0, 4, 50e9}}))));
    sim::run_options options;
    options.reroute_after = 0.25;
    options.events.push_back({0.5, 2 * small.clos()->edge_cable(0, 0, 0), 0, true});
    auto const record = sim::run(small, program, [] {
        struct first_living {
            std::string name() const { return "first living"; }
            routing route(topology const& on, std::span<flow const> phase) const {
                routing paths;
                paths.assign(phase.size(), on.alive(2 * on.clos()->edge_cable(0, 0, 0)) ? 0 : 1);
                return paths;
            }
        };
        return first_living{};
    }(), options);
    CHECK(record.makespan == Approx(1.25));
    CHECK(record.stuck.empty());
    options.events = {{0.5, 0, 0, true}}; // the only way out of the host
    auto const dead = sim::run(small, program, spreader{}, options);
    CHECK(dead.stuck == std::vector<std::uint32_t>{0});
    options.events.push_back({3, 0, 0.5, true}); // back, at half its rate
    CHECK(sim::run(small, program, spreader{}, options).makespan == Approx(4));
}

TEST_CASE("a reduction inside the network takes the vector once up and once down", "[timeline]") {
    auto program = on_ranks(small);
    traffic::activity reduce;
    reduce.kind = "data";
    reduce.reduced = std::make_shared<group_members const>(group_members{{0, 1, 2, 3, 4, 5, 6, 7}});
    reduce.bytes = 50e6;
    program.add(reduce);
    auto const record = sim::run(small, program, spreader{});
    CHECK(record.phases[0].transferred == Approx(1e-3)); // a ring takes 2 * 7/8 of that
    CHECK(record.phases[0].efficiency() == Approx(1));
    CHECK_THROWS_AS(sim::run(parse_topology("torus:dims=2x2x2"), program, spreader{}), usage_error);
}

TEST_CASE("a program repeats bit by bit", "[timeline]") {
    auto const on = parse_topology("fat-tree:k=8");
    auto program = on_ranks(on);
    program.jobs.push_back(program.jobs[0]);
    program.add(communicate(one(phase::shift(128, 17, 1e6, 3))));
    program.add(communicate(one(phase::exchange(128, 64, 1e6, 5)), {}, 1));
    auto const a = sim::run(on, program, lottery{3}), b = sim::run(on, program, lottery{3});
    REQUIRE(a.makespan == b.makespan);
    REQUIRE(a.phases[1].transferred == b.phases[1].transferred);
}

TEST_CASE("what is wrong with a program is said", "[timeline]") {
    auto program = on_ranks(small);
    program.add(compute(1, {0}));
    CHECK_THROWS_AS(sim::run(small, program, spreader{}), usage_error);
    program.activities[0] = communicate(one(phase::shift(9, 1, 1)));
    CHECK_THROWS_WITH(sim::run(small, program, spreader{}), Catch::Contains("no place"));
}

TEST_CASE("link loads over time add up to what was carried, in bounded memory", "[timeline][loads]") {
    auto const seed = GENERATE(1U, 2U, 3U);
    std::mt19937 random(seed);
    for (auto const intervals : {2U, 16U, 128U}) {
        auto program = on_ranks(small);
        double bytes = 0;
        for (std::uint32_t a = 0; a < 6; ++a) {
            auto const from = static_cast<std::int32_t>(random() % 4), to = static_cast<std::int32_t>(4 + random() % 4);
            auto const size = 1e6 * static_cast<double>(1 + random() % 1000);
            std::vector<std::uint32_t> after;
            if (a > 0) after.push_back(static_cast<std::uint32_t>(random() % a));
            program.add(communicate(one(phase::listed(8, {{from, to, size}})), after));
            bytes += size;
        }
        sim::load_series loads(small, intervals), groups(small, std::vector<std::uint32_t>(small.links(), 0), 1, intervals);
        sim::run_options options;
        options.reroute_after = 1e-3;
        auto const dying = static_cast<link_id>(2 * small.clos()->edge_cable(0, 0, random() % 4));
        options.events = {{2e-3, dying, 0, true}, {9e-3, dying, 1, true}};
        auto const unseen = sim::run(small, program, spreader{}, options);
        options.loads = &loads;
        auto const record = sim::run(small, program, spreader{}, options);
        options.loads = &groups;
        sim::run(small, program, spreader{}, options);
        INFO("seed " << seed << ", " << intervals << " intervals");
        CHECK(record.makespan == unseen.makespan); // watching changes nothing
        REQUIRE(loads.intervals() <= intervals);
        CHECK(loads.length() * static_cast<double>(loads.intervals()) >= record.makespan - record.phases.back().latency);
        double up = 0, out = 0, all = 0;
        for (std::size_t i = 0; i < loads.intervals(); ++i) {
            double sum = 0;
            for (link_id l = 0; l < small.links(); ++l) {
                CHECK(loads.load(i, l) <= 1 + 1e-9);
                sum += loads.bytes(i, l);
                auto const tier_from = small.layer_of(small.from(l)).level, tier_to = small.layer_of(small.to(l)).level;
                if (tier_from == tier::endpoint) out += loads.bytes(i, l);
                if (tier_from == tier::edge && tier_to == tier::aggregation) up += loads.bytes(i, l);
            }
            CHECK(groups.bytes(i, 0) == Approx(sum));
            all += sum;
        }
        CHECK(out == Approx(bytes).epsilon(1e-6)); // whole bytes are routed anew
        CHECK(up == Approx(bytes).epsilon(1e-6));
        CHECK(all == Approx(4 * bytes).epsilon(1e-6));
    }
}
