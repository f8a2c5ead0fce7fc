#pragma once
/// Dragonfly: groups of routers that are joined all to all; one cable between any two groups.
///
/// Kim, Dally, Scott, Abts, ISCA 2008.

#include <chorus/network/topology.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace chorus {

struct dragonfly_shape {
    std::uint32_t hosts = 2;   ///< endpoints of a router
    std::uint32_t routers = 4; ///< of a group
    std::uint32_t globals = 2; ///< cables of a router to other groups
    std::uint32_t groups = 9;  ///< at most routers * globals + 1
};

/// Throws usage_error for more groups than the global cables reach.
inline topology make_dragonfly(dragonfly_shape const& d, cable_kind host, cable_kind local, cable_kind global,
                               std::string text) {
    if (d.groups > d.routers * d.globals + 1)
        detail::misuse(
            {"dragonfly: at most routers x globals + 1 = ", d.routers * d.globals + 1, " groups, not ", d.groups});
    auto const routers = d.groups * d.routers, endpoints = routers * d.hosts;
    topology result(std::move(text), endpoints);
    result.add_layer(make_layer(tier::endpoint, {{"host", endpoints}}));
    result.add_layer(make_layer(tier::router, {{"group", d.groups}, {"router", d.routers}}));
    auto const host_kind = result.add_kind(host), local_kind = result.add_kind(local),
               global_kind = result.add_kind(global);
    for (endpoint_id e = 0; e < endpoints; ++e) result.add_cable(e, endpoints + e / d.hosts, host_kind);
    for (std::uint32_t g = 0; g < d.groups; ++g)
        for (std::uint32_t i = 0; i < d.routers; ++i)
            for (std::uint32_t j = i + 1; j < d.routers; ++j)
                result.add_cable(endpoints + g * d.routers + i, endpoints + g * d.routers + j, local_kind);
    // Of group g, the cable to group g + 1 + i leaves from router i / globals: i counts the other groups around.
    for (std::uint32_t g = 0; g < d.groups; ++g)
        for (std::uint32_t i = 0; g + 1 + i < d.groups; ++i) {
            auto const other = g + 1 + i, back = d.groups - 2 - i;
            result.add_cable(endpoints + g * d.routers + i / d.globals,
                             endpoints + other * d.routers + back / d.globals, global_kind);
        }
    return result;
}

} // namespace chorus
