#pragma once
/// How good a routing is, with a proof: its maximum load, a lower bound that holds for every routing, and the cut that
/// the bound comes from. check.hpp verifies it without any of this code.

#include <chorus/paths/bounds.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/walk.hpp>

#include <span>
#include <string>

namespace chorus {

/// Loads in load_units: for equal flows on equal links, flows on a link.
struct certificate {
    double max_load = 0;
    double lower_bound = 0;
    bool split = false; ///< some flow takes several paths: the bound is the fractional one, otherwise the integral
    cut where;          ///< proves the bound

    /// 0 when it is optimal, 0.5 when the load is half as much again as the bound.
    double gap() const { return lower_bound > 0 ? max_load / lower_bound - 1 : 0; }
    bool optimal() const { return max_load <= lower_bound * (1 + 1e-9); }
};

/// For the checker.
inline claim claim_of(certificate const& from) {
    return {from.max_load, from.lower_bound, from.split, from.where.inside, from.where.level, from.where.inwards};
}

/// Flows that have no living path do not count. Cost: O(sub-flows + links).
inline certificate certify(topology const& on, std::span<flow const> phase, routing const& how) {
    certificate result;
    for (auto const& each : how.subflows()) result.split = result.split || each.share != 1.0F || each.route == spread;
    auto const bound = find_lower_bound(on, reachable_flows(on, phase), result.split, load_unit(on, phase));
    result.max_load = max_load(on, phase, how);
    result.lower_bound = bound.load;
    result.where = bound.where;
    return result;
}

} // namespace chorus
