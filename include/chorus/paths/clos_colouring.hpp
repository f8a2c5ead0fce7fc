#pragma once
/// The heart of the planner: routes for the flows of a phase on a Clos fabric, so that no link carries more of them
/// than it must. Tier by tier, each an edge colouring of who talks to whom:
///
///   planes  endpoint x endpoint, coloured with the planes       (where there are several)
///   x       edge x edge switch, for each plane, coloured with the uplinks of an edge switch
///   y       pod x pod, for each plane and aggregation index, coloured with the uplinks of an aggregation switch
///
/// Every colouring is balanced: a switch with d flows has at most ceil(d / uplinks) on each. A (partial) permutation on
/// a fabric of full bisection gets maximum load 1. Where what is above the first tier may be the bottleneck (several
/// planes, three tiers that taper), colours can be balanced in nested sets, too (colouring/laminar.hpp): planes among the
/// flows of an endpoint, its edge switch and its pod, x among those of an edge switch and its pod. The acknowledgements of a flow on the same route load every cable
/// the other way round: both directions are planned at once.
///
///   F flows   O(tiers * F log k)
///
/// König 1916; Slepian, Duguid: rearrangeable Clos networks.

#include <chorus/network/routing.hpp>
#include <chorus/paths/colouring/balanced.hpp>
#include <chorus/paths/colouring/laminar.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// Keeps its buffers from call to call. Not thread-safe.
class clos_colouring {
public:
    /// What is nested. Flows that leave an edge switch and flows that leave its pod overlap without nesting where some stay
    /// in the pod: `edges` balances all that leave the edge switch, `pods` the one sort and the other. Exact: the load of
    /// every link above an edge switch, or a pod, is the least that the switch, or the pod, allows.
    enum class nesting : std::uint8_t { none, edges, pods };

    /// route[i] for every flow of the phase. Flows count alike, whatever their bytes; health of links does not matter. Of
    /// what shares a link, flows that come first in the phase are spread first: sorted by size, they even out.
    void colour(clos_shape const& c, std::span<flow const> phase, std::span<route_id> route, nesting how = nesting::none) {
        nesting_ = how;
        choose_planes(c, phase);
        if (how == nesting::none) choose_x(c, phase);
        else choose_nested_x(c, phase);
        choose_y(c, phase);
        for (std::size_t i = 0; i < phase.size(); ++i) route[i] = chosen_[i];
    }

private:
    /// While it is built, chosen_ holds the plane, then plane * xs + x, then the route.
    void choose_planes(clos_shape const& c, std::span<flow const> phase) {
        chosen_.assign(phase.size(), 0);
        if (c.planes == 1) return;
        start();
        for (std::size_t i = 0; i < phase.size(); ++i)
            if (uses_fabric(c, phase[i])) add(i, phase[i].source, phase[i].destination);
        colouring_.colour(edges_, c.endpoints(), c.planes,
                          [&](std::uint32_t i, std::uint32_t plane) { chosen_[flows_[i]] = plane; });
        if (nesting_ == nesting::none) return;
        auto const sets = 3 * c.endpoints() + 2 * c.all_edges();
        nest(phase, sets + c.pods, [&](flow const& f, endpoint_id e) { return 3 * e + sort(c, f); });
        for (std::uint32_t set = 0; set < 3 * c.endpoints(); ++set)
            if (auto const kind = set % 3; kind > 0)
                around(set, 3 * c.endpoints() + 2 * c.edge_of(set / 3) + kind - 1);
        nest_edges(c, 3 * c.endpoints());
        balance(c.planes, [&](std::uint32_t i) -> route_id& { return chosen_[flows_[i]]; });
    }

    /// Aggregation switches first, then the cables to each.
    void choose_nested_x(clos_shape const& c, std::span<flow const> phase) {
        group(phase.size(), c.planes, [](route_id chosen) { return chosen; });
        for (std::uint32_t plane = 0; plane < c.planes; ++plane) {
            collect(c, phase, plane, c.aggregations, &clos_shape::edge_of);
            std::vector<std::uint32_t> aggregation(edges_.size());
            colouring_.colour(edges_, c.all_edges(), c.aggregations,
                              [&](std::uint32_t i, std::uint32_t a) { aggregation[i] = a; });
            nest(phase, 2 * c.all_edges() + c.pods,
                 [&](flow const& f, endpoint_id e) { return 2 * c.edge_of(e) + sort(c, f) - 1; });
            nest_edges(c, 0);
            balance(c.aggregations, [&](std::uint32_t i) -> std::uint32_t& { return aggregation[i]; });
            for (std::size_t i = 0; i < flows_.size(); ++i) chosen_[flows_[i]] += aggregation[i];
        }
        group(phase.size(), c.planes * c.aggregations, [](route_id chosen) { return chosen; });
        for (std::uint32_t a = 0; a < c.planes * c.aggregations; ++a) {
            collect(c, phase, a, c.edge_cables, &clos_shape::edge_of);
            colouring_.colour(edges_, c.all_edges(), c.edge_cables,
                              [&](std::uint32_t i, std::uint32_t cable) { chosen_[flows_[i]] += cable; });
        }
    }

    /// 0: stays below its edge switch or uses no fabric, 1: counts at its edge switch, 2: at its pod as well.
    std::uint32_t sort(clos_shape const& c, flow const& f) const {
        if (!uses_fabric(c, f) || c.edge_of(f.source) == c.edge_of(f.destination)) return 0;
        return nesting_ == nesting::pods && c.pod_of(f.source) != c.pod_of(f.destination) ? 2 : 1;
    }
    /// The innermost sets of the flows at hand, on both sides; none has another around it yet.
    template <class Set>
    void nest(std::span<flow const> phase, std::uint32_t sets, Set set) {
        for (std::size_t side = 0; side < 2; ++side) {
            families_[side].innermost.clear();
            families_[side].around.assign(sets, laminar_colouring::none);
            for (auto const i : flows_)
                families_[side].innermost.push_back(set(phase[i], side == 0 ? phase[i].source : phase[i].destination));
        }
    }
    void around(std::uint32_t set, std::uint32_t outer) { families_[0].around[set] = families_[1].around[set] = outer; }
    /// Sets of edge switches, two each from `first` on: the second is within its pod's.
    void nest_edges(clos_shape const& c, std::uint32_t first) {
        for (std::uint32_t edge = 0; edge < c.all_edges(); ++edge)
            around(first + 2 * edge + 1, first + 2 * c.all_edges() + c.pod_of_edge(edge));
    }
    template <class Colour>
    void balance(std::uint32_t colours, Colour colour) {
        std::vector<std::uint32_t> now(flows_.size());
        for (std::uint32_t i = 0; i < now.size(); ++i) now[i] = colour(i);
        laminar_.balance(families_[0], families_[1], colours, now);
        for (std::uint32_t i = 0; i < now.size(); ++i) colour(i) = now[i];
    }

    void choose_x(clos_shape const& c, std::span<flow const> phase) {
        group(phase.size(), c.planes, [](route_id chosen) { return chosen; });
        for (std::uint32_t plane = 0; plane < c.planes; ++plane) {
            collect(c, phase, plane, c.xs(), &clos_shape::edge_of);
            colouring_.colour(edges_, c.all_edges(), c.xs(),
                              [&](std::uint32_t i, std::uint32_t x) { chosen_[flows_[i]] += x; });
        }
    }

    void choose_y(clos_shape const& c, std::span<flow const> phase) {
        if (!c.three_tiers()) return;
        group(phase.size(), c.planes * c.aggregations, [&](route_id chosen) { return chosen / c.edge_cables; });
        for (std::uint32_t a = 0; a < c.planes * c.aggregations; ++a) {
            collect(c, phase, a, c.ys(), &clos_shape::pod_of);
            colouring_.colour(edges_, c.pods, c.ys(),
                              [&](std::uint32_t i, std::uint32_t y) { chosen_[flows_[i]] += y; });
        }
    }

    static bool uses_fabric(clos_shape const& c, flow const& f) {
        return f.source != f.destination && !(c.bus && c.host_of(f.source) == c.host_of(f.destination));
    }

    /// The flows of group g that leave their place are to be coloured; chosen_ makes room for the colours.
    template <class Place>
    void collect(clos_shape const& c, std::span<flow const> phase, std::uint32_t g, std::uint32_t colours, Place place) {
        start();
        for (auto i = begin_[g]; i < begin_[g + 1]; ++i) {
            auto const& each = phase[order_[i]];
            auto const from = (c.*place)(each.source), to = (c.*place)(each.destination);
            chosen_[order_[i]] *= colours;
            if (from != to && uses_fabric(c, each)) add(order_[i], from, to);
        }
    }
    void start() { edges_.clear(), flows_.clear(); }
    void add(std::size_t i, std::uint32_t from, std::uint32_t to) {
        edges_.push_back({from, to});
        flows_.push_back(static_cast<std::uint32_t>(i));
    }

    /// order_[begin_[g]] up to order_[begin_[g+1]] are the flows whose key is g.
    template <class Key>
    void group(std::size_t flows, std::uint32_t groups, Key key) {
        begin_.assign(groups + 2, 0);
        for (std::size_t i = 0; i < flows; ++i) ++begin_[key(chosen_[i]) + 2];
        for (std::uint32_t g = 2; g < groups + 2; ++g) begin_[g] += begin_[g - 1];
        order_.resize(flows);
        for (std::size_t i = 0; i < flows; ++i) order_[begin_[key(chosen_[i]) + 1]++] = static_cast<std::uint32_t>(i);
    }

    balanced_colouring colouring_;
    laminar_colouring laminar_;
    laminar_colouring::family families_[2];
    nesting nesting_ = nesting::none;
    std::vector<route_id> chosen_;             // by flow
    std::vector<bipartite_edge> edges_;        // of the colouring at hand...
    std::vector<std::uint32_t> flows_;         // ...and which flows they are
    std::vector<std::uint32_t> begin_, order_; // flows by group
};

} // namespace chorus
