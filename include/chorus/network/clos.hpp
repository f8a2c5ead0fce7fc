#pragma once
/// The shape of a Clos fabric of two or three tiers, and where everything in it is: index arithmetic, no storage.
///
///   tier 0  endpoints (NICs), `nics` to a host, `per_edge` to an edge switch
///   tier 1  edge switches (leaves), `edges` in each of `pods` pods; two tiers are one pod
///   tier 2  aggregation switches (spines), `aggregations` in each pod, `edge_cables` cables to each edge switch
///   tier 3  cores, `cores` for each aggregation index, `core_cables` cables to the aggregation switch of that index
///           in every pod; none in two tiers
///
/// With rails, NIC r of every host of a block goes to the block's edge switch r. With planes, the fabric above the
/// endpoints exists several times and each endpoint has a cable to each. With a bus, endpoints of one host reach each
/// other through a switch of their own.
///
/// **A route** is one number in [0, routes()): (plane, x, y), where x names an uplink of the edge switch (aggregation
/// index and cable) and y one of the aggregation switch (core and cable). The same x and y lead down on the other
/// side. Flows in one pod need no y, flows below one edge switch no x: those digits mean nothing for them.

#include <chorus/network/flow.hpp>

#include <cstdint>

namespace chorus {

struct clos_route {
    std::uint32_t plane = 0, x = 0, y = 0;
};

struct clos_shape {
    std::uint32_t planes = 1;
    std::uint32_t pods = 1;
    std::uint32_t edges = 1;
    std::uint32_t aggregations = 1;
    std::uint32_t cores = 0;
    std::uint32_t edge_cables = 1;
    std::uint32_t core_cables = 1;
    std::uint32_t per_edge = 1; ///< endpoints below an edge switch
    std::uint32_t rails = 1;
    std::uint32_t nics = 1; ///< endpoints of a host
    bool bus = false;

    friend bool operator==(clos_shape const&, clos_shape const&) = default;

    // How many.
    std::uint32_t all_edges() const { return pods * edges; } ///< in a plane
    std::uint32_t endpoints() const { return all_edges() * per_edge; }
    std::uint32_t hosts() const { return endpoints() / nics; }
    bool three_tiers() const { return cores > 0; }
    std::uint32_t xs() const { return aggregations * edge_cables; }              ///< uplinks of an edge switch
    std::uint32_t ys() const { return three_tiers() ? cores * core_cables : 1; } ///< of an aggregation switch
    std::uint32_t routes() const { return planes * xs() * ys(); }

    // Where an endpoint is.
    std::uint32_t host_of(endpoint_id e) const { return e / nics; }
    std::uint32_t edge_of(endpoint_id e) const { ///< in [0, all_edges())
        return rails == 1 ? e / per_edge : e / (per_edge * rails) * rails + e % rails;
    }
    endpoint_id endpoint_below(std::uint32_t edge) const { ///< the first one
        return rails == 1 ? edge * per_edge : edge / rails * (per_edge * rails) + edge % rails;
    }
    std::uint32_t pod_of_edge(std::uint32_t edge) const { return edge / edges; }
    std::uint32_t pod_of(endpoint_id e) const { return pod_of_edge(edge_of(e)); }

    // Routes as numbers.
    std::uint32_t route(clos_route const& r) const { return (r.plane * xs() + r.x) * ys() + r.y; }
    clos_route route(std::uint32_t number) const {
        return {number / (xs() * ys()), number / ys() % xs(), number % ys()};
    }

    // Vertices: endpoints, edge switches, aggregation switches, cores, buses.
    std::uint32_t first_edge() const { return endpoints(); }
    std::uint32_t first_aggregation() const { return first_edge() + planes * all_edges(); }
    std::uint32_t first_core() const { return first_aggregation() + planes * pods * aggregations; }
    std::uint32_t first_bus() const { return first_core() + planes * aggregations * cores; }
    std::uint32_t vertices() const { return first_bus() + (bus ? hosts() : 0); }

    // Cables, in this order: access, edge to aggregation, aggregation to core, bus.
    std::uint32_t access_cable(std::uint32_t plane, endpoint_id e) const { return plane * endpoints() + e; }
    std::uint32_t first_edge_cable() const { return planes * endpoints(); }
    std::uint32_t edge_cable(std::uint32_t plane, std::uint32_t edge, std::uint32_t x) const {
        return first_edge_cable() + (plane * all_edges() + edge) * xs() + x;
    }
    std::uint32_t first_core_cable() const { return first_edge_cable() + planes * all_edges() * xs(); }
    std::uint32_t core_cable(std::uint32_t plane, std::uint32_t pod, std::uint32_t aggregation, std::uint32_t y) const {
        return first_core_cable() + ((plane * pods + pod) * aggregations + aggregation) * ys() + y;
    }
    std::uint32_t first_bus_cable() const {
        return first_core_cable() + (three_tiers() ? planes * pods * aggregations * ys() : 0);
    }
    std::uint32_t bus_cable(endpoint_id e) const { return first_bus_cable() + e; }
    std::uint32_t cables() const { return first_bus_cable() + (bus ? endpoints() : 0); }

    // Bundles: links among which a sprayed flow is spread evenly. All access cables of an endpoint (where there are
    // planes), all uplinks of an edge switch, all uplinks of a pod; numbered in that order.
    std::uint32_t access_bundle(endpoint_id e) const { return e; }
    std::uint32_t edge_bundle(std::uint32_t edge) const { return (planes > 1 ? endpoints() : 0) + edge; }
    std::uint32_t pod_bundle(std::uint32_t pod) const { return edge_bundle(all_edges()) + pod; }
    std::uint32_t bundles() const { return edge_bundle(all_edges()) + (three_tiers() ? pods : 0); }
};

} // namespace chorus
