#pragma once
/// Topologies by text, in the grammar of spec.hpp:
///
///   fat-tree:k=8                                     k-ary fat tree; hosts= endpoints per edge switch (k/2)
///   clos:pods=4,edges=3,aggs=2,cores=2,hosts=5       three tiers of any numbers; cores= per aggregation index
///   leaf-spine:leaves=64,spines=32,hosts=32          two tiers; parallel= cables between a leaf and a spine
///   chassis:leaves=64,chassis=4,hosts=32             two tiers, every leaf with parallel= cables to each big chassis
///   rail:blocks=4,hosts=16,rails=8,spines=32         NIC r of every host of a block on the block's switch r
///   dual-plane:leaves=16,spines=8,hosts=8            leaf-spine twice, every NIC with a port in each plane
///   super-node:nodes=4,npus=64,per_leaf=32,spines=32 a fast bus inside a node, leaf-spine outside
///   dragonfly:hosts=2,routers=4,globals=2            groups= (routers x globals + 1)
///   torus:dims=4x4x4
///
/// Of all: rate=400G, latency=1us. Of Clos fabrics: edge_rate=, core_rate=, edge_latency=, core_latency= above the first
/// tier, planes=1, nics= of a host, bus= rate of a bus inside hosts (none), over= oversubscription: so many times the endpoints below a leaf.

#include <chorus/network/build/clos.hpp>
#include <chorus/network/build/dragonfly.hpp>
#include <chorus/network/build/torus.hpp>
#include <chorus/network/spec.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

inline constexpr std::uint32_t most_endpoints = 1U << 21;
inline constexpr std::uint32_t most_cables = 1U << 24;

/// Says so before gigabytes are asked for.
inline void check_size(spec const& of, double endpoints, double cables) {
    if (endpoints <= most_endpoints && cables <= most_cables) return;
    misuse({of.name(), ": ", short_number(endpoints), " endpoints and ", short_number(cables),
            " cables are too many; allowed are ", most_endpoints, " and ", most_cables});
}

inline cable_kind read_cable(spec& from) { return {from.rate("rate", 50e9), from.time("latency", 1e-6)}; }

/// The options that all Clos fabrics have; `c` knows the rest.
inline topology finish_clos(spec& from, clos_shape c, double default_bus = 0) {
    c.planes = from.number("planes", 1, 16, c.planes);
    c.nics = from.number("nics", 1, 1U << 16, c.nics);
    c.per_edge *= from.number("over", 1, 64, 1);
    auto const access = read_cable(from);
    clos_cables kinds{access, access, access, {}};
    kinds.edge.rate = from.rate("edge_rate", access.rate);
    kinds.core.rate = from.rate("core_rate", kinds.edge.rate);
    kinds.edge.latency = from.time("edge_latency", access.latency);
    kinds.core.latency = from.time("core_latency", kinds.edge.latency);
    kinds.bus.rate = from.rate("bus", default_bus);
    c.bus = kinds.bus.rate > 0;
    from.done();
    auto const edges = double(c.planes) * c.pods * c.edges;
    auto const xs = double(c.aggregations) * c.edge_cables, ys = double(c.cores) * c.core_cables;
    auto const endpoints = double(c.pods) * c.edges * c.per_edge;
    if (c.planes * xs * std::max(1.0, ys) > 1U << 30)
        misuse({from.name(), ": more than 2^30 routes between two endpoints"});
    check_size(from, endpoints,
               (c.planes + 1) * endpoints + edges * xs + double(c.planes) * c.pods * c.aggregations * ys);
    if (c.endpoints() % c.nics != 0)
        misuse({from.name(), ": ", c.endpoints(), " endpoints make no hosts with nics=", c.nics, " each"});
    return make_clos(c, kinds, from.text());
}

inline topology read_fat_tree(spec& from) {
    auto c = fat_tree_shape(from.number("k", 2, 128));
    c.per_edge = from.number("hosts", 1, 4096, c.per_edge);
    return finish_clos(from, c);
}

inline topology read_clos(spec& from) {
    clos_shape c;
    c.pods = from.number("pods", 1, 4096);
    c.edges = from.number("edges", 1, 4096);
    c.aggregations = from.number("aggs", 1, 4096);
    c.cores = from.number("cores", 1, 4096);
    c.per_edge = from.number("hosts", 1, 4096);
    c.edge_cables = from.number("parallel", 1, 256, 1);
    c.core_cables = from.number("core_parallel", 1, 256, 1);
    return finish_clos(from, c);
}

inline topology read_leaf_spine(spec& from) {
    auto const two = from.name() == "dual-plane";
    auto c = leaf_spine_shape(from.number("leaves", 1, 16384), from.number("spines", 1, 4096),
                              from.number("hosts", 1, 4096), from.number("parallel", 1, 256, 1));
    c.planes = two ? 2 : 1;
    return finish_clos(from, c);
}

inline topology read_chassis(spec& from) {
    auto const leaves = from.number("leaves", 1, 16384), chassis = from.number("chassis", 1, 256),
               hosts = from.number("hosts", 1, 4096);
    return finish_clos(from, leaf_spine_shape(leaves, chassis, hosts,
                                              from.number("parallel", 1, 4096, (hosts + chassis - 1) / chassis)));
}

inline topology read_rail(spec& from) {
    clos_shape c;
    c.rails = c.nics = from.number("rails", 1, 256, 8);
    auto const blocks = from.number("blocks", 1, 4096);
    c.edges = blocks * c.rails;
    c.per_edge = from.number("hosts", 1, 4096);
    c.aggregations = from.number("spines", 1, 4096);
    c.edge_cables = from.number("parallel", 1, 256, 1);
    if (from.has("over")) misuse({"rail: oversubscription is more hosts= than spines= times parallel="});
    return finish_clos(from, c);
}

inline topology read_super_node(spec& from) {
    auto const nodes = from.number("nodes", 1, 16384), npus = from.number("npus", 1, 65536),
               per_leaf = from.number("per_leaf", 1, 4096);
    if (std::uint64_t(nodes) * npus % per_leaf != 0)
        misuse({"super-node: nodes x npus should be a multiple of per_leaf=", per_leaf});
    auto const leaves = std::uint64_t(nodes) * npus / per_leaf;
    if (leaves > most_endpoints) misuse({"super-node: ", leaves, " leaves are too many"});
    auto c = leaf_spine_shape(static_cast<std::uint32_t>(leaves), from.number("spines", 1, 4096, per_leaf), per_leaf,
                              from.number("parallel", 1, 256, 1));
    c.nics = npus;
    return finish_clos(from, c, 450e9);
}

inline topology read_dragonfly(spec& from) {
    dragonfly_shape d;
    d.hosts = from.number("hosts", 1, 256);
    d.routers = from.number("routers", 1, 256);
    d.globals = from.number("globals", 1, 256);
    d.groups = from.number("groups", 1, 65537, d.routers * d.globals + 1);
    auto const host = read_cable(from);
    auto local = host, global = host;
    local.rate = from.rate("local_rate", host.rate);
    global.rate = from.rate("global_rate", host.rate);
    from.done();
    auto const routers = double(d.groups) * d.routers;
    check_size(from, routers * d.hosts, routers * (d.hosts + d.routers / 2.0 + d.globals / 2.0));
    return make_dragonfly(d, host, local, global, from.text());
}

inline topology read_torus(spec& from) {
    auto const dims = from.word("dims", "");
    std::vector<std::uint32_t> sides;
    double nodes = 1;
    for (std::size_t at = 0; at <= dims.size();) {
        auto const end = std::min(dims.find('x', at), dims.size());
        std::uint32_t side = 0;
        auto const [stop, problem] = std::from_chars(dims.data() + at, dims.data() + end, side);
        if (problem != std::errc() || stop != dims.data() + end || side == 0)
            misuse({"torus: dims should be such as dims=4x4x4, not '", dims, "'"});
        sides.push_back(side);
        nodes *= side;
        at = end + 1;
    }
    auto const link = read_cable(from);
    auto host = link;
    host.rate = from.rate("host_rate", link.rate * 2 * static_cast<double>(sides.size()));
    from.done();
    check_size(from, nodes, nodes * (1 + static_cast<double>(sides.size())));
    return make_torus(sides, host, link, from.text());
}

} // namespace detail

/// The topology that the text describes. Throws usage_error that says what is wrong and what is allowed.
inline topology parse_topology(std::string_view text) {
    spec from(text);
    using reader = topology (*)(spec&);
    constexpr std::pair<std::string_view, reader> readers[]{{"fat-tree", detail::read_fat_tree},
                                                            {"clos", detail::read_clos},
                                                            {"leaf-spine", detail::read_leaf_spine},
                                                            {"chassis", detail::read_chassis},
                                                            {"rail", detail::read_rail},
                                                            {"dual-plane", detail::read_leaf_spine},
                                                            {"super-node", detail::read_super_node},
                                                            {"dragonfly", detail::read_dragonfly},
                                                            {"torus", detail::read_torus}};
    std::string names;
    for (auto const& [name, read] : readers) {
        if (from.name() == name) return read(from);
        detail::append(names, {names.empty() ? "" : ", ", name});
    }
    detail::misuse({"there is no topology '", from.name(), "'; allowed are ", names});
}

} // namespace chorus
