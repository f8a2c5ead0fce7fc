#pragma once
/// Torus of any number of dimensions: one endpoint and one router per node, cables to both neighbours in each.

#include <chorus/network/topology.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

/// `sides` with the innermost last. A side of 2 has one cable between its two nodes, a side of 1 none.
/// Precondition: at least one side, none of them 0.
inline topology make_torus(std::vector<std::uint32_t> const& sides, cable_kind host, cable_kind link,
                           std::string text) {
    std::uint32_t nodes = 1;
    std::vector<coordinate> axes;
    for (std::size_t i = 0; i < sides.size(); ++i) {
        nodes *= sides[i];
        axes.push_back({i < 3 ? std::string(1, "xyz"[i]) : "dim" + std::to_string(i), sides[i]});
    }
    topology result(std::move(text), nodes);
    result.add_layer(make_layer(tier::endpoint, {{"host", nodes}}));
    result.add_layer(make_layer(tier::router, axes));
    auto const host_kind = result.add_kind(host), link_kind = result.add_kind(link);
    for (endpoint_id e = 0; e < nodes; ++e) result.add_cable(e, nodes + e, host_kind);
    for (std::uint32_t v = 0; v < nodes; ++v) {
        std::uint32_t stride = nodes;
        for (auto const side : sides) {
            stride /= side;
            auto const at = v / stride % side;
            if (side == 1 || (side == 2 && at == 1)) continue;
            result.add_cable(nodes + v, nodes + (at + 1 == side ? v - at * stride : v + stride), link_kind);
        }
    }
    return result;
}

} // namespace chorus
