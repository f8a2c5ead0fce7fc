// How good is a plan? It comes with a lower bound that holds for every routing, and the cut that proves the bound: so many
// flows must cross so few links. A checker that shares no code with the planner verifies both.
#include <chorus/network/demand.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/parse.hpp>

#include <cstdio>

void judge(char const* fabric, char const* traffic, char const* policy) {
    auto const on = chorus::parse_topology(fabric);
    auto const flows = chorus::parse_demand(traffic, on);
    auto const plan = chorus::parse_policy(policy).route(on, flows);

    auto const proof = chorus::certify(on, flows, plan);
    std::printf("%s, %s, %s:\n  busiest link %.2f, nobody can do better than %.2f: %s\n", fabric, traffic, policy, proof.max_load,
                proof.lower_bound, proof.optimal() ? "optimal" : "not optimal, as far as this proof goes");
    std::printf("  because of what goes %s the %s of %s\n", proof.where.inwards ? "into" : "out of",
                proof.where.level == chorus::tier::endpoint ? "endpoint" : proof.where.level == chorus::tier::edge ? "leaf" : "pod",
                on.vertex_name(proof.where.inside).c_str());

    // The claim, in the checker's own words; then one that is too good to be true.
    auto claim = chorus::claim_of(proof);
    auto const fault = chorus::check_routing(on, flows, plan, claim);
    std::printf("  checked: %s\n", fault.empty() ? "every path, every load, and the bound" : fault.c_str());
    claim.lower_bound += 1;
    std::printf("  a better bound is refused: %s\n", chorus::check_routing(on, flows, plan, claim).c_str());
}

int main() {
    judge("fat-tree:k=8", "permutation:seed=1", "nslb");
    judge("fat-tree:k=8", "permutation:seed=1", "ecmp:seed=1");
    // Twice as many hosts as uplinks: two flows to a link, and whoever is not split cannot have less.
    judge("fat-tree:k=8,over=2", "permutation:seed=1", "nslb");
    // Everybody to one: the receiver is the bound, and no network helps.
    judge("leaf-spine:leaves=3,spines=2,hosts=2", "incast:to=0", "nslb");
}
