#pragma once
/// The cuts of bounds.hpp in closed form. Included by it.

#include <chorus/paths/bounds.hpp>

#include <array>

namespace chorus {

namespace detail {

/// By set: the flows that leave it, and those that enter it.
using crossing_flows = std::array<std::vector<crossing>, 2>;

/// What crosses the cuts around endpoints, edge switches and pods; the latter two are empty where there is no Clos.
struct all_crossings {
    crossing_flows endpoint, edge, pod;
};

/// Calls visit(crossing) for all cuts that the flow crosses.
template <class Visit>
void visit_crossings(topology const& on, all_crossings& all, flow const& f, Visit&& visit) {
    auto const* const c = on.clos();
    if (f.source == f.destination || (c != nullptr && c->bus && c->host_of(f.source) == c->host_of(f.destination))) return;
    visit(all.endpoint[0][f.source]);
    visit(all.endpoint[1][f.destination]);
    if (c == nullptr) return;
    auto const from = c->edge_of(f.source), to = c->edge_of(f.destination);
    if (from == to) return;
    visit(all.edge[0][from]);
    visit(all.edge[1][to]);
    auto const pod = c->pod_of_edge(from), other = c->pod_of_edge(to);
    if (pod == other) return;
    visit(all.pod[0][pod]);
    visit(all.pod[1][other]);
}
inline void add_flow(topology const& on, all_crossings& all, flow const& f) {
    auto const bytes = static_cast<double>(f.bytes);
    visit_crossings(on, all, f, [&](crossing& each) {
        ++each.flows;
        each.bytes += bytes;
        each.largest = std::max(each.largest, bytes);
    });
}
inline all_crossings all_crossings_of(topology const& on, std::span<flow const> phase) {
    auto const sets = [](std::uint32_t count) { return crossing_flows{std::vector<crossing>(count), std::vector<crossing>(count)}; };
    auto const* const c = on.clos();
    all_crossings all{sets(on.endpoints()), sets(c != nullptr ? c->all_edges() : 0), sets(c != nullptr ? c->pods : 0)};
    for (auto const& f : phase) add_flow(on, all, f);
    return all;
}

/// Calls visit(link) for all links that lead through the cut.
template <class Visit>
void visit_cut(topology const& on, cut const& where, Visit const& visit) {
    auto const* const c = on.clos();
    if (where.level == tier::endpoint) {
        auto const planes = c != nullptr ? c->planes : 1;
        for (std::uint32_t p = 0; p < planes; ++p) visit(2 * (p * on.endpoints() + where.inside) + (where.inwards ? 1 : 0));
        return;
    }
    auto const number = where.level == tier::edge ? c->edge_bundle(c->edge_of(where.inside)) : c->pod_bundle(c->pod_of(where.inside));
    auto const links = on.bundle(on.bundle_hop(number, where.inwards));
    for (std::uint32_t i = 0; i < links.size(); ++i) visit(links.link(i));
}

inline void consider(bound_finder& finder, topology const& on, crossing const& what, cut const& where) {
    finder.consider(what, where, [&](auto const& add) { visit_cut(on, where, add); });
}
inline void consider_endpoint(bound_finder& finder, topology const& on, all_crossings const& all, endpoint_id e, bool inwards) {
    consider(finder, on, all.endpoint[inwards][e], {e, tier::endpoint, inwards});
}
inline void consider_edge(bound_finder& finder, topology const& on, all_crossings const& all, std::uint32_t edge, bool inwards) {
    consider(finder, on, all.edge[inwards][edge], {on.clos()->endpoint_below(edge), tier::edge, inwards});
}
inline void consider_pod(bound_finder& finder, topology const& on, all_crossings const& all, std::uint32_t pod, bool inwards) {
    consider(finder, on, all.pod[inwards][pod], {on.clos()->endpoint_below(pod * on.clos()->edges), tier::aggregation, inwards});
}
inline void consider_all(bound_finder& finder, topology const& on, all_crossings const& all) {
    auto const* const c = on.clos();
    for (auto const inwards : {false, true}) {
        for (endpoint_id e = 0; e < on.endpoints(); ++e) consider_endpoint(finder, on, all, e, inwards);
        if (c == nullptr) continue;
        for (std::uint32_t edge = 0; edge < c->all_edges(); ++edge) consider_edge(finder, on, all, edge, inwards);
        for (std::uint32_t pod = 0; pod < c->pods && c->three_tiers(); ++pod) consider_pod(finder, on, all, pod, inwards);
    }
}

} // namespace detail

inline lower_bound find_lower_bound(topology const& on, std::span<flow const> phase, bool split, load_unit const& unit) {
    auto const equal =
        std::all_of(phase.begin(), phase.end(), [&](flow const& f) { return f.bytes == phase.front().bytes; });
    detail::bound_finder finder(on, unit, split, equal);
    detail::consider_all(finder, on, detail::all_crossings_of(on, phase));
    return finder.best();
}
inline lower_bound find_lower_bound(topology const& on, std::span<flow const> phase, bool split) {
    return find_lower_bound(on, phase, split, load_unit(on, phase));
}

} // namespace chorus
