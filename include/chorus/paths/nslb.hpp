#pragma once
/// The planner: paths for all flows of a phase at once.
///
///   equal flows, healthy Clos   edge colouring (clos_colouring.hpp): the bound is reached
///   links dead or degraded      the same, then every flow on a bad link finds another place (live_plan.hpp)
///   unequal flows               coloured in order of size, and largest first to the least loaded route; the maximum of
///                               both is pressed down step by step, and the better one is taken
///   q queue pairs               large flows in up to q equal parts, each planned as a flow: within 1 + 1/q of the
///                               fractional bound where the parts fit evenly
///   other fabrics               adaptive choices by several lots, the best of them
///
/// Where the plan does not reach its lower bound, or flows are unequal, it is compared with ECMP of the same seed, and
/// the better one is taken: never worse than ECMP.

#include <chorus/network/policy.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/clos_colouring.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/paths/flowlet.hpp>
#include <chorus/paths/greedy.hpp>
#include <chorus/paths/joint.hpp>
#include <chorus/paths/live_plan.hpp>
#include <chorus/sim/phase.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

/// Keeps its buffers from phase to phase. Not thread-safe.
class nslb {
public:
    /// `queue_pairs`: parts of every flow. `seed`: of the ECMP that it is never worse than. `fixed`: a connection has one
    /// path in all phases (joint.hpp), where they are known beforehand. Throws usage_error for fixed paths of parts.
    explicit nslb(std::uint32_t queue_pairs = 1, std::uint32_t seed = 1, bool fixed = false)
        : queue_pairs_(queue_pairs),
          seed_(seed),
          fixed_(fixed) {
        if (fixed && queue_pairs > 1) detail::misuse({"nslb: paths=fixed is for whole flows, qps=1"});
    }

    std::string name() const {
        return fixed_ ? "nslb:paths=fixed" : queue_pairs_ == 1 ? "nslb" : detail::text({"nslb:qps=", queue_pairs_});
    }

    bool looks_ahead() const { return fixed_; }
    void plan_ahead(topology const& on, std::span<strand const> all) { ahead_.emplace(on, all, seed_); }
    /// Of fixed paths: load and bound over all phases. Null before plan_ahead.
    joint_plan const* ahead() const { return ahead_ ? &*ahead_ : nullptr; }

    routing route(topology const& on, std::span<flow const> phase) {
        if (ahead_) return fixed_paths(on, phase);
        if (on.clos() == nullptr) return best_of_lots(on, phase);
        if (queue_pairs_ == 1) return plan(on, phase);
        return plan_parts(on, phase);
    }

private:
    /// What was planned ahead; where a link of it has died since, flows find another place.
    routing fixed_paths(topology const& on, std::span<flow const> phase) const {
        auto how = ahead_->paths(phase);
        hop_buffer buffer;
        auto good = true;
        for (std::size_t i = 0; i < how.size() && good; ++i) {
            good = how[i].route != unreachable;
            for (auto const l : how.hops(on, phase, i, buffer)) good = good && on.alive(l);
        }
        return good ? how : improved(on, phase, how, true);
    }

    /// Flows in parts of about equal size: the largest in as many as there are queue pairs, small ones in fewer.
    routing plan_parts(topology const& on, std::span<flow const> phase) {
        std::uint64_t largest = 1;
        for (auto const& f : phase) largest = std::max(largest, f.bytes);
        auto const unit = std::max<std::uint64_t>(1, (largest + queue_pairs_ - 1) / queue_pairs_);
        std::vector<flow> parts;
        std::vector<std::uint32_t> of; // which flow
        std::vector<float> share;
        for (std::uint32_t i = 0; i < phase.size(); ++i) {
            auto const bytes = phase[i].bytes;
            auto const count = std::clamp<std::uint64_t>((bytes + unit - 1) / unit, 1, queue_pairs_);
            auto part = phase[i];
            part.bytes = std::max<std::uint64_t>(1, (bytes + count - 1) / count);
            parts.insert(parts.end(), count, part);
            of.insert(of.end(), count, i);
            share.insert(share.end(), count, 1.0F / static_cast<float>(count));
        }
        auto result = plan(on, parts);
        for (std::size_t i = 0; i < of.size(); ++i) {
            result.subflows()[i].flow = of[i];
            result.subflows()[i].share = share[i];
        }
        return result;
    }

    routing plan(topology const& on, std::span<flow const> phase) {
        auto const equal =
            std::all_of(phase.begin(), phase.end(), [&](auto const& f) { return f.bytes == phase[0].bytes; });
        if (!equal) return no_worse_than_ecmp(on, phase, plan_unequal(on, phase));
        auto result = coloured(on, phase, clos_colouring::nesting::none);
        if (on.healthy() && first_tier_decides(*on.clos())) return result;
        if (on.healthy()) result = nested(on, phase, std::move(result));
        // The last of equal flows ends when the most loaded link has carried its own: the bound is of time, too.
        if (on.healthy() && certify(on, phase, result).optimal()) return result;
        result = improved(on, phase, result, true);
        return certify(on, phase, result).optimal() ? result : no_worse_than_ecmp(on, phase, result);
    }

    routing coloured(topology const& on, std::span<flow const> phase, clos_colouring::nesting how) {
        routing result;
        result.assign(phase.size(), 0);
        routes_.resize(phase.size());
        colouring_.colour(*on.clos(), phase, routes_, how);
        for (std::size_t i = 0; i < phase.size(); ++i) result.subflows()[i].route = routes_[i];
        return result;
    }
    /// Whether links above can carry what comes from below if it is spread as evenly as possible at the edge switches: so
    /// many flows on each of their uplinks are no more on each further up.
    static bool first_tier_decides(clos_shape const& c) {
        return c.planes == 1 && (!c.three_tiers() || c.edges * c.edge_cables <= c.ys());
    }
    routing nested(topology const& on, std::span<flow const> phase, routing best) {
        auto const bound = find_lower_bound(on, phase, false).load;
        auto load = max_load(on, phase, best);
        for (auto const how : {clos_colouring::nesting::edges, clos_colouring::nesting::pods}) {
            if (load <= bound * (1 + 1e-9)) break;
            auto other = coloured(on, phase, how);
            auto const other_load = max_load(on, phase, other);
            if (other_load >= load) continue;
            load = other_load;
            best = std::move(other);
        }
        return best;
    }

    /// The better of two starts, each pressed down: largest first to the least loaded route; and coloured in order of
    /// size, where flows that meet on an uplink are one of the largest, one of the next largest...: at most the largest
    /// flow above the mean.
    routing plan_unequal(topology const& on, std::span<flow const> phase) {
        std::vector<std::uint32_t> order(phase.size());
        std::iota(order.begin(), order.end(), 0U);
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return phase[a].bytes > phase[b].bytes; });
        std::vector<flow> sorted;
        for (auto const i : order) sorted.push_back(phase[i]);
        routing by_size;
        by_size.assign(phase.size(), 0);
        auto const colours = coloured(on, sorted, clos_colouring::nesting::none);
        for (std::size_t i = 0; i < order.size(); ++i) by_size.subflows()[order[i]].route = colours[i].route;
        auto best = improved(on, phase, by_size, false);
        auto other = improved(on, phase, greedy{}.route(on, phase), false);
        return max_load(on, phase, other) < max_load(on, phase, best) ? other : best;
    }

    static routing improved(topology const& on, std::span<flow const> phase, routing const& start, bool equal) {
        auto copy = on;
        live_plan live(copy, phase, start);
        auto low = live.lower().load;
        if (equal) live.settle(low);
        live_plan::change ignored;
        for (int round = 0; round < 8 && live.most() > low * (1 + 1e-3); ++round)
            if (auto const middle = (low + live.most()) / 2; !live.improve(middle, ignored)) low = middle;
        return live.result();
    }

    routing no_worse_than_ecmp(topology const& on, std::span<flow const> phase, routing planned) const {
        auto hashed = ecmp{seed_}.route(on, phase);
        return makespan(on, phase, hashed) < makespan(on, phase, planned) ? hashed : planned;
    }
    static double makespan(topology const& on, std::span<flow const> phase, routing const& how) {
        return sim::simulate(on, phase, how).makespan;
    }

    routing best_of_lots(topology const& on, std::span<flow const> phase) const {
        auto best = ecmp{seed_}.route(on, phase);
        auto best_makespan = makespan(on, phase, best);
        for (std::uint32_t lot = 0; lot < 8; ++lot) {
            auto other = flowlet{queue_pairs_, seed_ + lot}.route(on, phase);
            auto const other_makespan = makespan(on, phase, other);
            if (other_makespan >= best_makespan) continue;
            best = std::move(other);
            best_makespan = other_makespan;
        }
        return best;
    }

    std::uint32_t queue_pairs_, seed_;
    bool fixed_;
    std::optional<joint_plan> ahead_;
    clos_colouring colouring_;
    std::vector<route_id> routes_;
};

} // namespace chorus
