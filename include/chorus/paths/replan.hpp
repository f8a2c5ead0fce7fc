#pragma once
/// A plan after its topology has changed: as few other paths as possible.

#include <chorus/paths/certificate.hpp>
#include <chorus/paths/live_plan.hpp>
#include <chorus/paths/nslb.hpp>
#include <chorus/sim/phase.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// A plan that is kept while links die, degrade and return. Not thread-safe.
class kept_plan {
public:
    /// Takes over paths that are planned already. Cost: O(sub-flows + links). Preconditions: a Clos fabric; no flow is sprayed.
    kept_plan(topology on, std::span<flow const> phase, routing how)
        : on_(std::move(on)), phase_(phase.begin(), phase.end()), paths_(std::move(how)) {
        for (auto const& each : paths_.subflows()) {
            parts_.push_back(phase_[each.flow]);
            split_ = split_ || each.share != 1.0F;
            auto const bytes = static_cast<double>(parts_.back().bytes) * static_cast<double>(each.share);
            parts_.back().bytes = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(bytes));
        }
        start();
    }
    kept_plan(kept_plan const&) = delete;
    kept_plan& operator=(kept_plan const&) = delete;

    topology const& on() const { return on_; }
    routing const& paths() const { return paths_; }

    /// The health of both directions of these cables. Returns how many paths it has changed. Where paths that stay leave the plan above
    /// its bound, and a new plan would end earlier, that is taken: never worse than ECMP (nslb). Cost: that of live_plan's events; a
    /// new plan's where they do not reach the bound.
    std::size_t set_cable_health(std::span<link_id const> links, double health) {
        std::vector<std::uint32_t> moved;
        for (auto const l : links) {
            auto const event = live_->set_cable_health(l, health);
            moved.insert(moved.end(), event.moved.begin(), event.moved.end());
        }
        return take_over(std::move(moved));
    }
    /// Moves what was on dead links or above the bound when it was taken over.
    std::size_t settle() { return take_over(live_->settle(live_->lower().load).moved); }

private:
    void start() {
        routing whole;
        for (std::uint32_t i = 0; i < parts_.size(); ++i) whole.add({i, paths_[i].route, 1});
        live_.emplace(on_, parts_, whole);
    }
    std::size_t take_over(std::vector<std::uint32_t> moved) {
        std::sort(moved.begin(), moved.end());
        moved.erase(std::unique(moved.begin(), moved.end()), moved.end());
        std::size_t changed = 0;
        std::vector<route_id> before;
        for (auto const i : moved) {
            auto& path = paths_.subflows()[i].route;
            before.push_back(std::exchange(path, live_->flows().route(i)));
            changed += path != before.back() ? 1 : 0;
        }
        if (is_good()) return changed;
        auto anew = nslb{}.route(on_, parts_);
        if (makespan(anew) >= makespan(live_->result()) * (1 - 1e-9)) return changed;
        changed = 0;
        auto at = moved.begin();
        for (std::uint32_t i = 0; i < parts_.size(); ++i) {
            auto const is_moved = at != moved.end() && *at == i;
            auto& path = paths_.subflows()[i].route;
            auto const was = is_moved ? before[static_cast<std::size_t>(at - moved.begin())] : path;
            path = anew[i].route;
            changed += path != was ? 1 : 0;
            if (is_moved) ++at;
        }
        start();
        return changed;
    }

    /// At its bound, which is one of time, too, where all flows are equal; elsewhere ECMP may end earlier.
    bool is_good() {
        auto const optimal = split_ ? certify(on_, phase_, paths_).optimal() : live_->most() <= live_->lower().load * (1 + 1e-9);
        return optimal && (live_->equal_flows() || makespan(live_->result()) <= makespan(ecmp{}.route(on_, parts_)));
    }
    double makespan(routing const& how) const { return sim::simulate(on_, parts_, how).makespan; }

    topology on_;
    std::vector<flow> phase_, parts_; ///< parts: a flow for each sub-flow
    routing paths_;
    bool split_ = false;
    std::optional<live_plan> live_;
};

/// All at once: `on` has the new health already. Preconditions as of kept_plan.
inline replanned replan(topology const& on, std::span<flow const> phase, routing const& before) {
    kept_plan kept(on, phase, before);
    auto const changed = kept.settle();
    return {kept.paths(), changed};
}

} // namespace chorus
