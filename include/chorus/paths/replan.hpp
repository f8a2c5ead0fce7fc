#pragma once
/// A plan after its topology has changed: as few other paths as possible where the planner made it, all of them where
/// another policy did.

#include <chorus/paths/live_plan.hpp>
#include <chorus/paths/nslb.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

struct replanned {
    routing paths;
    std::size_t changed_paths = 0; ///< sub-flows whose path is another one
};

/// Sub-flows that are at the same place in both and have different paths.
inline std::size_t count_changed(routing const& before, routing const& after) {
    std::size_t changed = 0;
    auto const is_list = [](route_id r) { return r >= explicit_path; };
    for (std::size_t i = 0; i < after.size(); ++i) {
        if (i >= before.size()) return changed + after.size() - i;
        auto const a = before[i].route, b = after[i].route;
        if (!is_list(a) || !is_list(b))
            changed += a != b ? 1 : 0;
        else {
            auto const was = before.path(a), is = after.path(b);
            changed += std::equal(was.begin(), was.end(), is.begin(), is.end()) ? 0 : 1;
        }
    }
    return changed;
}

/// Keeps paths that can stay. `on` has the new health already. Where that leaves the plan above its bound and behind a
/// new plan, the new plan is taken (never worse than ECMP, see nslb). Preconditions: a Clos fabric; no flow is sprayed.
inline replanned replan(topology const& on, std::span<flow const> phase, routing const& before) {
    std::vector<flow> parts;
    routing start;
    for (auto const& each : before.subflows()) {
        start.add({static_cast<std::uint32_t>(parts.size()), each.route, 1});
        parts.push_back(phase[each.flow]);
    }
    auto copy = on;
    live_plan live(copy, parts, start);
    live.settle(find_lower_bound(on, reachable_flows(on, parts), false).load);
    auto const kept = live.result();
    replanned result{before, 0};
    for (std::size_t i = 0; i < kept.size(); ++i) result.paths.subflows()[i].route = kept[i].route;
    if (!certify(on, phase, result.paths).optimal()) {
        auto anew = nslb{}.route(on, parts);
        if (sim::simulate(on, parts, anew).makespan < sim::simulate(on, parts, kept).makespan * (1 - 1e-9))
            for (std::size_t i = 0; i < anew.size(); ++i) result.paths.subflows()[i].route = anew[i].route;
    }
    result.changed_paths = count_changed(before, result.paths);
    return result;
}

} // namespace chorus
