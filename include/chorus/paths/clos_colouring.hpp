#pragma once
/// The heart of the planner: routes for the flows of a phase on a Clos fabric, so that no link carries more of them
/// than it must. Tier by tier, each an edge colouring of who talks to whom:
///
///   planes  endpoint x endpoint, coloured with the planes       (where there are several)
///   x       edge x edge switch, for each plane, coloured with the uplinks of an edge switch
///   y       pod x pod, for each plane and aggregation index, coloured with the uplinks of an aggregation switch
///
/// Every colouring is balanced: a switch with d flows has at most ceil(d / uplinks) on each. A (partial) permutation on
/// a fabric of full bisection gets maximum load 1. The acknowledgements of a flow on the same route load every cable
/// the other way round: both directions are planned at once.
///
///   F flows   O(tiers * F log k)
///
/// König 1916; Slepian, Duguid: rearrangeable Clos networks.

#include <chorus/network/routing.hpp>
#include <chorus/paths/colouring/balanced.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// Keeps its buffers from call to call. Not thread-safe.
class clos_colouring {
public:
    /// route[i] for every flow of the phase. Flows count alike, whatever their bytes; health of links does not matter.
    void colour(clos_shape const& c, std::span<flow const> phase, std::span<route_id> route) {
        choose_planes(c, phase);
        choose_x(c, phase);
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
    }

    void choose_x(clos_shape const& c, std::span<flow const> phase) {
        group(phase.size(), c.planes, [](route_id chosen) { return chosen; });
        for (std::uint32_t plane = 0; plane < c.planes; ++plane) {
            start();
            for (auto i = begin_[plane]; i < begin_[plane + 1]; ++i) {
                auto const& each = phase[order_[i]];
                auto const from = c.edge_of(each.source), to = c.edge_of(each.destination);
                chosen_[order_[i]] = plane * c.xs();
                if (from != to && uses_fabric(c, each)) add(order_[i], from, to);
            }
            colouring_.colour(edges_, c.all_edges(), c.xs(),
                              [&](std::uint32_t i, std::uint32_t x) { chosen_[flows_[i]] += x; });
        }
    }

    void choose_y(clos_shape const& c, std::span<flow const> phase) {
        if (!c.three_tiers()) return;
        group(phase.size(), c.planes * c.aggregations, [&](route_id chosen) { return chosen / c.edge_cables; });
        for (std::uint32_t a = 0; a < c.planes * c.aggregations; ++a) {
            start();
            for (auto i = begin_[a]; i < begin_[a + 1]; ++i) {
                auto const& each = phase[order_[i]];
                auto const from = c.pod_of(each.source), to = c.pod_of(each.destination);
                chosen_[order_[i]] *= c.ys();
                if (from != to && uses_fabric(c, each)) add(order_[i], from, to);
            }
            colouring_.colour(edges_, c.pods, c.ys(),
                              [&](std::uint32_t i, std::uint32_t y) { chosen_[flows_[i]] += y; });
        }
    }

    static bool uses_fabric(clos_shape const& c, flow const& f) {
        return f.source != f.destination && !(c.bus && c.host_of(f.source) == c.host_of(f.destination));
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
    std::vector<route_id> chosen_;             // by flow
    std::vector<bipartite_edge> edges_;        // of the colouring at hand...
    std::vector<std::uint32_t> flows_;         // ...and which flows they are
    std::vector<std::uint32_t> begin_, order_; // flows by group
};

} // namespace chorus
