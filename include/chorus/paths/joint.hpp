#pragma once
/// One fixed path for every connection, over all phases of all strands, so that the worst phase is as good as possible.
///
///   load of a link   the sum over strands of what the busiest of a strand's phases puts on it, the largest flow of a
///                    phase counting 1: strands may meet at any of their phases
///   bound            of every cut: the same sum of what crosses it, spread evenly. It holds for paths that change from
///                    phase to phase, too: a gap may be the price of keeping them
///
/// The best of four starts: by destination and by source (shifts and exchanges of full fabrics do not collide), phase
/// after phase by edge colouring, ECMP. Then connections of overloaded links move to where they are least in the way
/// (joint_repair.hpp). Never worse than ECMP of the same seed.
///
///   F flows in all phases, L links   O(F log F + phases * L) for each start. Clos fabrics only

#include <chorus/paths/bounds.hpp>
#include <chorus/paths/clos_colouring.hpp>
#include <chorus/paths/connections.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/paths/joint_repair.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

/// Takes the larger of what two phases of a strand send across every cut, the largest flow of each phase counting 1.
inline void take_larger(crossing_flows& most, crossing_flows const& phase, double unit) {
    for (std::size_t way = 0; way < 2; ++way) {
        most[way].resize(std::max(most[way].size(), phase[way].size()));
        for (std::size_t i = 0; i < phase[way].size(); ++i) {
            auto& to = most[way][i];
            to.flows = std::max(to.flows, phase[way][i].flows);
            to.bytes = std::max(to.bytes, phase[way][i].bytes / unit);
            to.largest = std::max(to.largest, phase[way][i].largest / unit);
        }
    }
}
inline void add_crossings(crossing_flows& sum, crossing_flows const& more) {
    for (std::size_t way = 0; way < 2; ++way) {
        sum[way].resize(std::max(sum[way].size(), more[way].size()));
        for (std::size_t i = 0; i < more[way].size(); ++i) {
            sum[way][i].flows += more[way][i].flows;
            sum[way][i].bytes += more[way][i].bytes;
            sum[way][i].largest = std::max(sum[way][i].largest, more[way][i].largest);
        }
    }
}

} // namespace detail

/// No routing with or without fixed paths has a smaller joint load. Flows that have no living path do not count.
inline lower_bound joint_lower_bound(topology const& on, std::span<strand const> all, bool split = false) {
    detail::all_crossings sum;
    auto equal = true;
    for (auto const& each : all) {
        detail::all_crossings most;
        for (auto const& whole : each.phases) {
            auto const phase = reachable_flows(on, whole);
            load_unit const unit(on, phase);
            for (auto const& f : phase) equal = equal && f.bytes == phase.front().bytes;
            auto const one = detail::all_crossings_of(on, phase);
            detail::take_larger(most.endpoint, one.endpoint, unit.bytes);
            detail::take_larger(most.edge, one.edge, unit.bytes);
            detail::take_larger(most.pod, one.pod, unit.bytes);
        }
        detail::add_crossings(sum.endpoint, most.endpoint);
        detail::add_crossings(sum.edge, most.edge);
        detail::add_crossings(sum.pod, most.pod);
    }
    detail::bound_finder finder(on, load_unit(on, {}), split, equal);
    if (sum.endpoint[0].empty()) return {};
    detail::consider_all(finder, on, sum);
    return finder.best();
}

/// Routings by strand and phase.
using phase_paths = std::vector<std::vector<routing>>;

/// The joint load of any routings.
inline double joint_load(topology const& on, std::span<strand const> all, phase_paths const& paths) {
    std::vector<double> total(on.links(), 0.0), busiest;
    for (std::size_t s = 0; s < all.size(); ++s) {
        busiest.assign(on.links(), 0.0);
        for (std::size_t n = 0; n < all[s].phases.size(); ++n) {
            auto const loads = link_loads(on, all[s].phases[n], paths[s][n]);
            for (link_id l = 0; l < on.links(); ++l) busiest[l] = std::max(busiest[l], loads[l]);
        }
        for (link_id l = 0; l < on.links(); ++l) total[l] += busiest[l];
    }
    return total.empty() ? 0.0 : *std::max_element(total.begin(), total.end());
}

class joint_plan {
public:
    /// Throws usage_error on what is no Clos fabric. `before`: an earlier plan's paths by strand and phase, which change
    /// only where they must; empty where there is none.
    joint_plan(topology const& on, std::span<strand const> all, std::uint32_t seed = 1, phase_paths const& before = {})
        : connections_(all) {
        if (on.clos() == nullptr) detail::misuse({"fixed paths are planned on Clos fabrics only, not on ", on.text()});
        for (auto const& each : all) {
            auto& strand_uses = uses_.emplace_back();
            for (auto const& phase : each.phases) strand_uses.push_back(connections_.uses(phase));
        }
        bound_ = joint_lower_bound(on, all);
        hashed_ = hashed(on, seed);
        if (!before.empty()) {
            consider(on, kept(all, before));
        } else {
            consider(on, by_index(*on.clos(), false));
            consider(on, by_index(*on.clos(), true));
            if (load_ > bound_.load * (1 + 1e-9)) consider(on, coloured(*on.clos()));
        }
        if (load_ > bound_.load * (1 + 1e-9)) consider(on, hashed_);
        if (load_ <= bound_.load * (1 + 1e-9) || !joint_repair::fits(on, uses_)) return;
        joint_repair repair(on, connections_.flows(), uses_, routes_);
        repair.towards(bound_.load);
        consider(on, repair.routes());
    }

    double max_load() const { return load_; }
    lower_bound const& bound() const { return bound_; }
    double gap() const { return bound_.load > 0 ? load_ / bound_.load - 1 : 0; }

    /// `unreachable` for what is in no phase.
    route_id route(flow const& f) const {
        auto const i = connections_.find(f);
        return i == connections::none ? unreachable : routes_[i];
    }
    routing paths(std::span<flow const> phase) const {
        routing how;
        how.assign(phase.size(), unreachable);
        for (std::size_t i = 0; i < phase.size(); ++i) how.subflows()[i].route = route(phase[i]);
        return how;
    }

private:
    using routes = std::vector<route_id>;

    routes hashed(topology const& on, std::uint32_t seed) const {
        auto const how = ecmp{seed}.route(on, connections_.flows());
        routes all;
        for (auto const& each : how.subflows()) all.push_back(each.route <= unreachable ? each.route : 0); // 0: to itself
        return all;
    }
    routes kept(std::span<strand const> all, phase_paths const& before) const {
        auto result = hashed_;
        for (std::size_t s = 0; s < all.size(); ++s)
            for (std::size_t n = 0; n < all[s].phases.size(); ++n)
                for (auto const& each : before[s][n].subflows())
                    if (each.route < spread - 1) result[uses_[s][n][each.flow].connection] = each.route;
        return result;
    }
    /// The digits of one end's number choose plane, x and y.
    routes by_index(clos_shape const& c, bool source) const {
        routes all;
        for (auto const& f : connections_.flows()) {
            auto const end = source ? f.source : f.destination;
            auto const digits = end / c.planes;
            all.push_back(c.route({end % c.planes, digits % c.xs(), digits / c.xs() % c.ys()}));
        }
        return all;
    }
    /// The n-th phases of all strands together, n after n; what has a path keeps it.
    routes coloured(clos_shape const& c) const {
        routes all(connections_.size(), unreachable);
        clos_colouring colouring;
        std::vector<std::uint32_t> fresh;
        std::vector<flow> flows;
        routes chosen;
        std::size_t longest = 0;
        for (auto const& each : uses_) longest = std::max(longest, each.size());
        for (std::size_t n = 0; n < longest; ++n) {
            fresh.clear(), flows.clear();
            for (auto const& each : uses_)
                if (n < each.size())
                    for (auto const& one : each[n])
                        if (all[one.connection] == unreachable) {
                            all[one.connection] = 0;
                            fresh.push_back(one.connection);
                            flows.push_back(connections_.flows()[one.connection]);
                        }
            chosen.resize(flows.size());
            colouring.colour(c, flows, chosen);
            for (std::size_t i = 0; i < fresh.size(); ++i) all[fresh[i]] = chosen[i];
        }
        return all;
    }

    /// Adopts the routes, with those over dead links replaced, if they are better than what there is.
    void consider(topology const& on, routes candidate) {
        hop_buffer buffer;
        for (std::size_t i = 0; i < candidate.size(); ++i) {
            if (hashed_[i] == unreachable) candidate[i] = unreachable;
            if (on.healthy() || candidate[i] == unreachable) continue;
            auto const& f = connections_.flows()[i];
            for (auto const l : routing::expand(on, f.source, f.destination, candidate[i], buffer))
                if (!on.alive(l)) candidate[i] = hashed_[i];
        }
        auto const load = joint_load(on, connections_.flows(), uses_, candidate);
        if (load >= load_) return;
        load_ = load;
        routes_ = std::move(candidate);
    }

    connections connections_;
    joint_uses uses_;
    lower_bound bound_;
    routes hashed_, routes_;
    double load_ = std::numeric_limits<double>::infinity();
};

} // namespace chorus
