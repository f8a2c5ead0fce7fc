#pragma once
/// The cuts of bounds.hpp in closed form. Included by it.

#include <chorus/paths/bounds.hpp>

#include <array>

namespace chorus {

namespace detail {

/// By set: the flows that leave it, and those that enter it.
using crossing_flows = std::array<std::vector<crossing>, 2>;

/// Flows that leave (and enter) the sets that `key` numbers, when they end in another set.
template <class Key>
crossing_flows crossings(topology const& on, std::span<flow const> phase, std::uint32_t sets, Key key) {
    crossing_flows all{std::vector<crossing>(sets), std::vector<crossing>(sets)};
    auto const* const c = on.clos();
    auto const add = [](crossing& to, double bytes) {
        ++to.flows;
        to.bytes += bytes;
        to.largest = std::max(to.largest, bytes);
    };
    for (auto const& f : phase) {
        auto const from = key(f.source), to = key(f.destination);
        if (from == to || (c != nullptr && c->bus && c->host_of(f.source) == c->host_of(f.destination))) continue;
        add(all[0][from], static_cast<double>(f.bytes));
        add(all[1][to], static_cast<double>(f.bytes));
    }
    return all;
}

/// What crosses the cuts around endpoints, edge switches and pods; the latter two are empty where there is no Clos.
struct all_crossings {
    crossing_flows endpoint, edge, pod;
};
inline all_crossings all_crossings_of(topology const& on, std::span<flow const> phase) {
    all_crossings all;
    all.endpoint = crossings(on, phase, on.endpoints(), [](endpoint_id e) { return e; });
    if (on.clos() == nullptr) return all;
    auto const& c = *on.clos();
    all.edge = crossings(on, phase, c.all_edges(), [&](endpoint_id e) { return c.edge_of(e); });
    all.pod = crossings(on, phase, c.pods, [&](endpoint_id e) { return c.pod_of(e); });
    return all;
}

inline void consider_endpoints(bound_finder& finder, topology const& on, crossing_flows const& crossing) {
    auto const planes = on.clos() != nullptr ? on.clos()->planes : 1;
    for (std::uint32_t inwards = 0; inwards < 2; ++inwards)
        for (endpoint_id e = 0; e < on.endpoints(); ++e)
            finder.consider(crossing[inwards][e], {e, tier::endpoint, inwards == 1}, [&](auto const& add) {
                for (std::uint32_t p = 0; p < planes; ++p) add(2 * (p * on.endpoints() + e) + inwards);
            });
}

/// An endpoint below each edge switch of a plane.
inline std::vector<endpoint_id> endpoint_below(clos_shape const& c) {
    std::vector<endpoint_id> one(c.all_edges());
    for (endpoint_id e = c.endpoints(); e-- > 0;) one[c.edge_of(e)] = e;
    return one;
}

inline void consider_switches(bound_finder& finder, topology const& on, all_crossings const& all) {
    auto const& c = *on.clos();
    auto const below = endpoint_below(c);
    auto const bundle = [&](std::uint32_t number, std::uint32_t inwards) {
        return [&, number, inwards](auto const& add) {
            auto const links = on.bundle(on.bundle_hop(number, inwards == 1));
            for (std::uint32_t i = 0; i < links.size(); ++i) add(links.link(i));
        };
    };
    for (std::uint32_t inwards = 0; inwards < 2; ++inwards) {
        for (std::uint32_t edge = 0; edge < c.all_edges(); ++edge)
            finder.consider(all.edge[inwards][edge], {below[edge], tier::edge, inwards == 1},
                            bundle(c.edge_bundle(edge), inwards));
        for (std::uint32_t pod = 0; pod < c.pods && c.three_tiers(); ++pod)
            finder.consider(all.pod[inwards][pod], {below[pod * c.edges], tier::aggregation, inwards == 1},
                            bundle(c.pod_bundle(pod), inwards));
    }
}

} // namespace detail

inline lower_bound find_lower_bound(topology const& on, std::span<flow const> phase, bool split) {
    auto const equal =
        std::all_of(phase.begin(), phase.end(), [&](flow const& f) { return f.bytes == phase.front().bytes; });
    detail::bound_finder finder(on, load_unit(on, phase), split, equal);
    auto const all = detail::all_crossings_of(on, phase);
    detail::consider_endpoints(finder, on, all.endpoint);
    if (on.clos() != nullptr) detail::consider_switches(finder, on, all);
    return finder.best();
}

} // namespace chorus
