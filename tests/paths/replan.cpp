#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/paths/live_plan.hpp>
#include <chorus/paths/nslb.hpp>
#include <chorus/paths/replan.hpp>
#include <chorus/sim/phase.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <random>
#include <vector>

using namespace chorus;

namespace {

std::vector<char const*> const fabrics{"fat-tree:k=4",
                                       "fat-tree:k=6",
                                       "leaf-spine:leaves=5,spines=4,hosts=4",
                                       "rail:blocks=2,hosts=3,rails=3,spines=3",
                                       "dual-plane:leaves=3,spines=2,hosts=4",
                                       "clos:pods=3,edges=2,aggs=3,cores=2,hosts=2",
                                       "clos:pods=2,edges=2,aggs=2,cores=2,hosts=3,parallel=2",
                                       "super-node:nodes=2,npus=8,per_leaf=4"};

double makespan(topology const& on, std::span<flow const> phase, routing const& how) { return sim::simulate(on, phase, how).makespan; }

/// A link at random, and a health: dead, slow or well again.
struct event {
    link_id link;
    double health;
};
event some_event(topology const& on, std::mt19937& random) {
    auto const link = static_cast<link_id>(random() % on.links());
    return {link, random() % 3 == 0 ? 1.0 : random() % 3 == 0 ? 0.5 : 0.0};
}

} // namespace

TEST_CASE("a kept plan stays valid, counts what it changes and is never worse than ECMP", "[paths][replan]") {
    auto const seed = GENERATE(1U, 2U, 3U);
    std::mt19937 random(seed);
    for (int round = 0; round < 60; ++round) {
        auto const on = parse_topology(fabrics[random() % fabrics.size()]);
        auto phase = permutation_flows(on.endpoints(), random(), 1000);
        auto const queue_pairs = round % 4 == 0 ? 2U : 1U;
        if (round % 3 == 0)
            for (auto& f : phase) f.bytes = 1 + random() % 2000;
        kept_plan kept(on, phase, nslb{queue_pairs, 1}.route(on, phase));
        for (int i = 0; i < 12; ++i) {
            auto const [link, health] = some_event(on, random);
            auto const other = static_cast<link_id>(random() % on.links());
            std::vector<link_id> const links = random() % 4 == 0 ? std::vector{link, other} : std::vector{link};
            auto const before = kept.paths();
            auto const changed = kept.set_cable_health(links, health);
            INFO("seed " << seed << ", round " << round << ", event " << i << ", " << on.text() << ", " << kept.on().link_name(link) << " " << health);
            REQUIRE(changed == count_changed(before, kept.paths()));
            auto const proof = certify(kept.on(), phase, kept.paths());
            REQUIRE(check_routing(kept.on(), phase, kept.paths(), claim_of(proof)) == "");
            auto const hashed = ecmp{1}.route(kept.on(), phase);
            REQUIRE(sim::simulate(kept.on(), phase, kept.paths()).stuck == sim::simulate(kept.on(), phase, hashed).stuck);
            REQUIRE(makespan(kept.on(), phase, kept.paths()) <= makespan(kept.on(), phase, hashed) * (1 + 1e-6));
        }
    }
}

TEST_CASE("the bound that is kept is the bound", "[paths][live]") {
    auto const seed = GENERATE(1U, 2U);
    std::mt19937 random(seed);
    for (int round = 0; round < 100; ++round) {
        auto on = parse_topology(fabrics[random() % fabrics.size()]);
        auto phase = permutation_flows(on.endpoints(), random(), 1000);
        if (round % 2 == 0)
            for (auto& f : phase) f.bytes = 1 + random() % 2000;
        auto const unit = load_unit(on, phase);
        live_plan live(on, phase, nslb{}.route(on, phase));
        std::vector<bool> gone(phase.size(), false);
        for (int i = 0; i < 20; ++i) {
            auto const [link, health] = some_event(on, random);
            if (random() % 3 == 0) {
                auto const leaving = static_cast<std::uint32_t>(random() % phase.size());
                if (!gone[leaving]) live.remove(leaving);
                gone[leaving] = true;
            } else if (random() % 3 == 0) {
                phase.push_back({static_cast<endpoint_id>(random() % on.endpoints()), static_cast<endpoint_id>(random() % on.endpoints()),
                                 phase[random() % phase.size()].bytes, 0});
                gone.push_back(false);
                live.add(phase.back());
            } else {
                live.set_health(link, health);
            }
            std::vector<flow> there;
            for (std::size_t f = 0; f < phase.size(); ++f)
                if (!gone[f]) there.push_back(phase[f]);
            INFO("seed " << seed << ", round " << round << ", event " << i << ", " << on.text());
            REQUIRE(live.lower().load == Approx(find_lower_bound(on, reachable_flows(on, there), false, unit).load));
        }
    }
}

TEST_CASE("with one dead cable a permutation reaches its bound, also where no free path is left", "[paths][replan]") {
    std::mt19937 random(5);
    for (auto const* text : {"fat-tree:k=4", "fat-tree:k=6", "fat-tree:k=8", "fat-tree:k=16", "leaf-spine:leaves=16,spines=8,hosts=8",
                             "dual-plane:leaves=8,spines=4,hosts=8", "clos:pods=3,edges=2,aggs=3,cores=2,hosts=2"}) {
        auto const healthy = parse_topology(text);
        for (int round = 0; round < 100; ++round) {
            auto on = healthy;
            auto const phase = permutation_flows(on.endpoints(), random(), 1000);
            live_plan live(on, phase, nslb{}.route(on, phase));
            auto const link = static_cast<link_id>(random() % on.links());
            auto const what = live.set_cable_health(link, 0);
            INFO(text << ", round " << round << ", " << on.link_name(link) << ": " << what.max_load << ", bound " << what.lower_bound);
            REQUIRE(what.optimal());
            auto const paths = live.result();
            REQUIRE(check_routing(on, phase, paths, claim_of(certify(on, phase, paths))) == "");
            REQUIRE(max_load(on, phase, paths) <= what.max_load * (1 + 1e-9));
            // Two classes change places at most, and paths in them.
            REQUIRE(what.changed_paths <= phase.size() * 3 / on.clos()->xs() + 40);
        }
    }
}

TEST_CASE("a flow that lost its last path has one again when the cable returns", "[paths][replan]") {
    auto const on = parse_topology("fat-tree:k=4");
    auto const phase = permutation_flows(on.endpoints(), 1, 1000);
    kept_plan kept(on, phase, nslb{}.route(on, phase));
    link_id const cable[]{detail::up(on.clos()->access_cable(0, 3))};
    CHECK(kept.set_cable_health(cable, 0) == 2); // what it sends and what it receives
    CHECK(sim::simulate(kept.on(), phase, kept.paths()).stuck == 2);
    CHECK(kept.set_cable_health(cable, 1) == 2);
    CHECK(sim::simulate(kept.on(), phase, kept.paths()).stuck == 0);
    CHECK(certify(kept.on(), phase, kept.paths()).optimal());
}

TEST_CASE("the checker refuses a flow that is said to have no path and has one", "[paths][check]") {
    auto on = parse_topology("fat-tree:k=4");
    auto const phase = permutation_flows(on.endpoints(), 1, 1000);
    auto plan = nslb{}.route(on, phase);
    auto const said = claim_of(certify(on, phase, plan));
    plan.subflows()[5].route = unreachable;
    CHECK(check_routing(on, phase, plan, said) == "sub-flow 5 (of flow 5): is said to have no path; there is one");
    on.set_cable_health(detail::up(on.clos()->access_cable(0, phase[5].source)), 0);
    plan = nslb{}.route(on, phase);
    CHECK(plan[5].route == unreachable);
    CHECK(check_routing(on, phase, plan, claim_of(certify(on, phase, plan))) == "");
}
