// The same fabric, planned: no link carries more than one flow. It is a colouring: leaves that talk are joined by an edge,
// spines are colours, and no two edges of one colour may meet at a leaf. König (1916): as many colours as edges at the
// busiest vertex are enough.
#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/paths/loads.hpp>
#include <chorus/paths/nslb.hpp>

#include <cstdio>

int main() {
    auto const fabric = chorus::parse_topology("leaf-spine:leaves=4,spines=4,hosts=4");
    auto const& shape = *fabric.clos();
    auto const flows = chorus::permutation_flows(fabric.endpoints(), 1);

    chorus::nslb planner;
    auto const plan = planner.route(fabric, flows);
    for (auto leaf = 0U; leaf < 4; ++leaf) {
        std::printf("leaf %u sends", leaf);
        for (auto const& each : plan.subflows()) {
            auto const& f = flows[each.flow];
            auto const to = shape.edge_of(f.destination);
            if (shape.edge_of(f.source) == leaf && to != leaf)
                std::printf("  to leaf %u over spine %u", to, shape.route(each.route).x);
        }
        std::printf("\n");
    }

    // Three tiers and 1024 endpoints: first the edge switches' uplinks are colours, then the cores, pod by pod.
    auto const tree = chorus::parse_topology("fat-tree:k=16");
    std::printf("\nfat tree, 1024 endpoints: busiest link under ECMP, and planned\n");
    for (auto seed = 1U; seed <= 5; ++seed) {
        auto const permutation = chorus::permutation_flows(tree.endpoints(), seed);
        std::printf("  permutation %u: %.0f and %.0f flows\n", seed,
                    chorus::max_load(tree, permutation, chorus::ecmp{seed}.route(tree, permutation)),
                    chorus::max_load(tree, permutation, planner.route(tree, permutation)));
    }

    // A link dies: 8 flows of the edge switch share 7 uplinks, so that one link must carry two.
    auto broken = tree;
    broken.set_cable_health(broken.find_link("pod0.edge0--pod0.agg1"), 0);
    auto const permutation = chorus::permutation_flows(tree.endpoints(), 1);
    std::printf("with a dead link: %.0f flows\n", chorus::max_load(broken, permutation, planner.route(broken, permutation)));
}
