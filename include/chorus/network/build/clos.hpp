#pragma once
/// Clos fabrics as topologies: fat tree, leaf-spine, with rails, planes and buses.

#include <chorus/network/topology.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

/// What the cables of a Clos fabric are, per tier.
struct clos_cables {
    cable_kind access{50e9, 1e-6}; ///< 400 Gbit/s
    cable_kind edge{50e9, 1e-6};
    cable_kind core{50e9, 1e-6};
    cable_kind bus{450e9, 0.5e-6};
};

namespace detail {

inline std::vector<coordinate> clos_coordinates(clos_shape const& c, std::vector<coordinate> inner) {
    std::vector<coordinate> all;
    if (c.planes > 1) all.push_back({"plane", c.planes});
    for (auto& each : inner) all.push_back(std::move(each));
    return all;
}

inline void add_clos_layers(topology& to, clos_shape const& c) {
    std::vector<coordinate> endpoint{{"host", c.hosts()}};
    if (c.nics > 1) endpoint.push_back({"nic", c.nics});
    to.add_layer(make_layer(tier::endpoint, endpoint));
    if (c.three_tiers()) {
        to.add_layer(make_layer(tier::edge, clos_coordinates(c, {{"pod", c.pods}, {"edge", c.edges}})));
        to.add_layer(make_layer(tier::aggregation, clos_coordinates(c, {{"pod", c.pods}, {"agg", c.aggregations}})));
        to.add_layer(make_layer(tier::core, clos_coordinates(c, {{"group", c.aggregations}, {"core", c.cores}})));
    } else {
        auto const rails = c.rails > 1;
        std::vector<coordinate> leaves{{"leaf", c.edges}};
        if (rails) leaves = {{"block", c.edges / c.rails}, {"rail", c.rails}};
        to.add_layer(make_layer(tier::edge, clos_coordinates(c, std::move(leaves))));
        to.add_layer(make_layer(tier::aggregation, clos_coordinates(c, {{"spine", c.aggregations}})));
    }
    if (c.bus) to.add_layer(make_layer(tier::bus, {{"bus", c.hosts()}}));
}

inline void add_edge_cables(topology& to, clos_shape const& c, std::uint32_t kind) {
    for (std::uint32_t plane = 0; plane < c.planes; ++plane)
        for (std::uint32_t edge = 0; edge < c.all_edges(); ++edge)
            for (std::uint32_t x = 0; x < c.xs(); ++x) {
                auto const switches_before = (plane * c.pods + c.pod_of_edge(edge)) * c.aggregations;
                to.add_cable(c.first_edge() + plane * c.all_edges() + edge,
                             c.first_aggregation() + switches_before + x / c.edge_cables, kind);
            }
}

inline void add_core_cables(topology& to, clos_shape const& c, std::uint32_t kind) {
    if (!c.three_tiers()) return;
    for (std::uint32_t plane = 0; plane < c.planes; ++plane)
        for (std::uint32_t pod = 0; pod < c.pods; ++pod)
            for (std::uint32_t a = 0; a < c.aggregations; ++a)
                for (std::uint32_t y = 0; y < c.ys(); ++y)
                    to.add_cable(c.first_aggregation() + (plane * c.pods + pod) * c.aggregations + a,
                                 c.first_core() + (plane * c.aggregations + a) * c.cores + y / c.core_cables, kind);
}

} // namespace detail

/// A topology of that shape. Cables are in the order of clos.hpp. Cost: 12 bytes per cable.
inline topology make_clos(clos_shape const& c, clos_cables const& kinds, std::string text) {
    topology result(std::move(text), c.hosts());
    detail::add_clos_layers(result, c);
    result.reserve_cables(c.cables());
    auto const access = result.add_kind(kinds.access);
    for (std::uint32_t plane = 0; plane < c.planes; ++plane)
        for (endpoint_id e = 0; e < c.endpoints(); ++e)
            result.add_cable(e, c.first_edge() + plane * c.all_edges() + c.edge_of(e), access);
    detail::add_edge_cables(result, c, result.add_kind(kinds.edge));
    detail::add_core_cables(result, c, result.add_kind(kinds.core));
    if (c.bus) {
        auto const bus = result.add_kind(kinds.bus);
        for (endpoint_id e = 0; e < c.endpoints(); ++e) result.add_cable(e, c.first_bus() + c.host_of(e), bus);
    }
    result.set_clos(c);
    return result;
}

/// The k-ary fat tree: k pods of k/2 edge and k/2 aggregation switches, (k/2)^2 cores, k^3/4 endpoints.
/// Throws usage_error unless k is even and from 2 to 128.
inline clos_shape fat_tree_shape(std::uint32_t k) {
    if (k < 2 || k > 128 || k % 2 != 0) detail::misuse({"fat-tree: k should be even and from 2 to 128, not ", k});
    clos_shape c;
    c.pods = k;
    c.edges = c.aggregations = c.cores = c.per_edge = k / 2;
    return c;
}

/// `leaves` switches with `hosts` endpoints each, every one joined to `spines` switches by `parallel` cables.
inline clos_shape leaf_spine_shape(std::uint32_t leaves, std::uint32_t spines, std::uint32_t hosts,
                                   std::uint32_t parallel = 1) {
    clos_shape c;
    c.edges = leaves;
    c.aggregations = spines;
    c.per_edge = hosts;
    c.edge_cables = parallel;
    return c;
}

} // namespace chorus
