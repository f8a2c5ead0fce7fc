#pragma once
/// Reductions inside the network (as SHARP does): switches add up what comes from below and send the sum back.

#include <chorus/core/errors.hpp>
#include <chorus/network/routing.hpp>
#include <chorus/network/topology.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus::sim {

/// The links of the tree that an all_reduce among these endpoints takes, both directions: each carries the vector once,
/// so that an endpoint sends n and receives n, where a ring sends and receives 2n(p-1)/p. The root is the lowest tier
/// that reaches all; `tree` picks one of the equal roots (in turn: trees 0, 1, 2... are spread over the fabric).
///
/// Clos fabrics only: throws usage_error for others. Switches are taken to reduce at line rate.
inline std::vector<hop_id> reduction_tree(topology const& on, std::span<endpoint_id const> members, std::uint32_t tree) {
    if (on.clos() == nullptr) chorus::detail::misuse({"reductions in the network need a Clos fabric, not ", on.text()});
    auto const& c = *on.clos();
    auto const [plane, x, y] = c.route(tree % c.planes * c.xs() * c.ys() + tree / c.planes % (c.xs() * c.ys()));
    auto const one_edge = std::all_of(members.begin(), members.end(), [&](auto e) { return c.edge_of(e) == c.edge_of(members[0]); });
    auto const one_pod = std::all_of(members.begin(), members.end(), [&](auto e) { return c.pod_of(e) == c.pod_of(members[0]); });
    std::vector<std::uint32_t> cables;
    for (auto const e : members) {
        cables.push_back(c.access_cable(plane, e));
        if (!one_edge) cables.push_back(c.edge_cable(plane, c.edge_of(e), x));
        if (!one_pod) cables.push_back(c.core_cable(plane, c.pod_of(e), x / c.edge_cables, y));
    }
    std::sort(cables.begin(), cables.end());
    cables.erase(std::unique(cables.begin(), cables.end()), cables.end());
    std::vector<hop_id> hops;
    for (auto const cable : cables) hops.insert(hops.end(), {2 * cable, 2 * cable + 1});
    return hops;
}

} // namespace chorus::sim
