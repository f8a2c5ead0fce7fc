// One path for every connection, over all phases.
#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/joint.hpp>
#include <chorus/paths/parse.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace chorus;

namespace {

/// Joint load from first principles: link by link, strand by strand, phase by phase.
double plain_joint_load(topology const& on, std::vector<strand> const& all, joint_plan const& plan) {
    double most = 0;
    hop_buffer buffer;
    for (link_id l = 0; l < on.links(); ++l) {
        double sum = 0;
        for (auto const& each : all) {
            double busiest = 0;
            for (auto const& phase : each.phases) {
                double now = 0, largest = 1;
                for (auto const& f : phase) largest = std::max(largest, static_cast<double>(f.bytes));
                for (auto const& f : phase)
                    if (auto const route = plan.route(f); route != unreachable)
                        for (auto const hop : routing::expand(on, f.source, f.destination, route, buffer))
                            now += hop == l ? static_cast<double>(f.bytes) / largest : 0.0;
                busiest = std::max(busiest, now);
            }
            sum += busiest;
        }
        if (sum > 0) most = std::max(most, sum / (on.rate(l) / on.nominal_rate(0)));
    }
    return most;
}

std::vector<flow> tagged(std::vector<flow> phase, std::uint32_t tag) {
    for (auto& f : phase) f.tag = tag;
    return phase;
}

/// Some strands of some phases, of which neighbours share about half of their pairs; sizes differ in some.
std::vector<strand> random_strands(std::uint32_t endpoints, std::mt19937& random) {
    std::vector<strand> all(1 + random() % 3);
    for (std::uint32_t s = 0; s < all.size(); ++s) {
        auto phase = tagged(permutation_flows(endpoints, random()), s);
        for (std::size_t n = 0; n <= random() % 4; ++n) {
            for (int i = 0; i < 4; ++i) std::swap(phase[random() % phase.size()].destination, phase[random() % phase.size()].destination);
            if (random() % 3 == 0)
                for (auto& f : phase) f.bytes = 1 + random() % 100;
            all[s].phases.push_back(phase);
        }
    }
    return all;
}

} // namespace

TEST_CASE("a joint plan's load is what its paths make it, between its bound and ECMP", "[paths][joint]") {
    std::mt19937 random(1);
    for (auto const* text : {"leaf-spine:leaves=4,spines=4,hosts=4", "fat-tree:k=4", "dual-plane:leaves=3,spines=2,hosts=4",
                             "clos:pods=3,edges=2,aggs=2,cores=1,hosts=3", "super-node:nodes=2,npus=8,per_leaf=4"})
        for (int round = 0; round < 12; ++round) {
            auto on = parse_topology(text);
            if (round % 3 == 2) on.set_cable_health(static_cast<link_id>(random() % on.links()), round % 2 == 0 ? 0.0 : 0.5);
            auto const all = random_strands(on.endpoints(), random);
            joint_plan const plan(on, all);
            INFO(text << ", round " << round);
            CHECK(plan.max_load() == Approx(plain_joint_load(on, all, plan)).epsilon(1e-4));
            CHECK(plan.max_load() >= plan.bound().load * (1 - 1e-6));
            phase_paths hashed, planned;
            for (auto const& each : all) {
                hashed.emplace_back(), planned.emplace_back();
                for (auto const& phase : each.phases) {
                    hashed.back().push_back(ecmp{1}.route(on, phase));
                    planned.back().push_back(plan.paths(phase));
                }
            }
            CHECK(joint_load(on, all, planned) == Approx(plan.max_load()).epsilon(1e-4));
            CHECK(plan.max_load() <= joint_load(on, all, hashed) * (1 + 1e-4));
        }
}

TEST_CASE("no phase of a full fabric needs another path than the others in shifts and exchanges", "[paths][joint]") {
    for (auto const* text : {"fat-tree:k=8", "leaf-spine:leaves=8,spines=8,hosts=8"}) {
        auto const on = parse_topology(text);
        strand shifts, exchanges;
        for (std::uint32_t by = 1; by < on.endpoints(); ++by) shifts.phases.push_back(shift_flows(on.endpoints(), by));
        for (std::uint32_t bits = 1; bits < on.endpoints(); bits *= 2) {
            auto& phase = exchanges.phases.emplace_back();
            for (endpoint_id e = 0; e < on.endpoints(); ++e) phase.push_back({e, e ^ bits, 1, 0});
        }
        INFO(text);
        CHECK(joint_plan(on, std::vector{shifts}).max_load() == 1);
        CHECK(joint_plan(on, std::vector{exchanges}).max_load() == 1);
    }
}

TEST_CASE("jobs that overlap are kept apart where phases planned one by one collide", "[paths][joint]") {
    auto const on = parse_topology("leaf-spine:leaves=8,spines=8,hosts=8");
    std::mt19937 random(5);
    std::vector<strand> jobs(2); // on every other endpoint each
    for (std::uint32_t j = 0; j < 2; ++j)
        for (int n = 0; n < 4; ++n) {
            auto& phase = jobs[j].phases.emplace_back(permutation_flows(on.endpoints() / 2, random()));
            for (auto& f : phase) f = {2 * f.source + j, 2 * f.destination + j, 1, j};
        }
    joint_plan const plan(on, jobs);
    CHECK(plan.max_load() == 1);
    nslb each;
    phase_paths alone(2);
    for (std::size_t j = 0; j < 2; ++j)
        for (auto const& phase : jobs[j].phases) alone[j].push_back(each.route(on, phase));
    CHECK(joint_load(on, jobs, alone) > 1);
}

TEST_CASE("the policy keeps a pair's path through all phases, and leaves dead links", "[paths][joint]") {
    auto on = parse_topology("fat-tree:k=4");
    std::vector<strand> all(2);
    for (std::uint32_t n = 1; n <= 3; ++n)
        for (std::uint32_t s = 0; s < 2; ++s) all[s].phases.push_back(tagged(shift_flows(on.endpoints(), 3 * n + s), s));
    for (auto const& f : all[0].phases[0]) all[0].phases[1].push_back(f); // these pairs in two phases
    auto policy = parse_policy("nslb:paths=fixed");
    REQUIRE(policy.looks_ahead());
    CHECK_FALSE(parse_policy("nslb").looks_ahead());
    auto const unplanned = policy.route(on, all[0].phases[0]);
    CHECK(max_load(on, all[0].phases[0], unplanned) == 1);
    policy.plan_ahead(on, all);
    auto const first = policy.route(on, all[0].phases[0]), second = policy.route(on, all[0].phases[1]);
    auto const offset = second.size() - first.size();
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i].route == second[offset + i].route);
    on.set_cable_health(on.find_link("pod0.edge0--pod0.agg1"), 0);
    auto const after = policy.route(on, all[0].phases[0]);
    CHECK(std::isfinite(max_load(on, all[0].phases[0], after)));
    CHECK_THROWS_AS(parse_policy("nslb:paths=fixed,qps=2"), usage_error);
    CHECK_THROWS_AS(joint_plan(parse_topology("torus:dims=3x3"), all), usage_error);
}

TEST_CASE("after a dead link a joint plan changes the paths that it must", "[paths][joint]") {
    auto on = parse_topology("fat-tree:k=8");
    std::vector<strand> all(1);
    for (std::uint32_t by : {1U, 5U, 9U, 77U}) all[0].phases.push_back(shift_flows(on.endpoints(), by));
    joint_plan const before(on, all);
    phase_paths paths(1);
    for (auto const& phase : all[0].phases) paths[0].push_back(before.paths(phase));
    on.set_cable_health(on.find_link("pod0.edge0--pod0.agg1"), 0);
    joint_plan const after(on, all, 1, paths);
    std::size_t changed = 0;
    for (auto const& phase : all[0].phases)
        for (auto const& f : phase) changed += before.route(f) != after.route(f) ? 1 : 0;
    CHECK(after.max_load() == 2);
    CHECK(changed >= 4);
    CHECK(changed < 64); // of 512
}
