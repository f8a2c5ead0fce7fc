#pragma once
/// Makes switches that hash take the planned paths: finds for every sub-flow a UDP source port whose hashes lead along
/// its route. RDMA transports choose the port through the flow label, 14 bits of it: 0xC000 to 0xFFFF.
///
/// A route among R is found after about R ports, if the switches' hashes are independent of each other. With the same
/// hash and seed in two tiers they are not: only few routes are reachable at all (polarisation), which `reach` tells.

#include <chorus/core/flow_label.hpp>
#include <chorus/network/routing.hpp>
#include <chorus/paths/hash.hpp>
#include <chorus/paths/walk.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

inline constexpr std::uint32_t first_port = 0xC000;
inline constexpr std::uint32_t port_count = 0x4000;

/// What the switches of a fabric do.
struct switch_hashing {
    hash_kind hash = hash_kind::crc32;
    std::uint32_t seed = 1;
    bool same_seed = false;
};

/// The route that the switches give a packet with that source port.
inline route_id hashed_route(walker& way, switch_hashing const& how, flow const& f, std::uint16_t port) {
    auto const tuple = make_tuple(f.source, f.destination, port);
    routing ignored;
    return way.walk(
        f.source, f.destination,
        [&](vertex_id at, std::uint32_t count, auto const&) {
            return hash_choice(how.hash, switch_seed(how.seed, at, how.same_seed), tuple, count);
        },
        ignored);
}

/// Do both numbers stand for the same links? Digits that mean nothing for the pair do not count.
inline bool same_route(topology const& on, flow const& f, route_id a, route_id b) {
    if (a == b) return true;
    if (a >= unreachable || b >= unreachable) return false;
    hop_buffer one, other;
    auto const x = routing::expand(on, f.source, f.destination, a, one);
    auto const y = routing::expand(on, f.source, f.destination, b, other);
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

/// Ports that lead a sub-flow along its route, at most so many, looked for from a place that `salt` chooses. Cost: O(most * routes)
/// hashes, or all 2^14 where there are fewer.
inline std::vector<std::uint16_t> ports_along(walker& way, topology const& on, flow const& f, route_id route, switch_hashing const& how,
                                              std::size_t most, std::uint64_t salt) {
    std::vector<std::uint16_t> found;
    auto const start = mix_bits(std::uint64_t(f.source) << 32 | f.destination) + salt;
    for (std::uint32_t i = 0; i < port_count && found.size() < most; ++i) {
        auto const port = static_cast<std::uint16_t>(first_port + (start + i) % port_count);
        if (same_route(on, f, hashed_route(way, how, f, port), route)) found.push_back(port);
    }
    return found;
}

struct enforcement {
    std::vector<std::uint16_t> port; ///< by sub-flow; 0 where no port leads along the path
    std::size_t failed = 0;          ///< how many of them
};

/// Ports for all sub-flows. Precondition: a Clos fabric, no flow sprayed. Cost: O(sub-flows * routes) hashes.
inline enforcement solve_ports(topology const& on, std::span<flow const> phase, routing const& plan,
                               switch_hashing const& how) {
    enforcement result;
    walker way(on);
    for (auto const& each : plan.subflows()) {
        auto const found = ports_along(way, on, phase[each.flow], each.route, how, 1, result.port.size());
        result.failed += found.empty() ? 1 : 0;
        result.port.push_back(found.empty() ? std::uint16_t{0} : found.front());
    }
    return result;
}

/// How many different routes a flow's packets can take, over all source ports: less than there are is polarisation.
inline std::size_t reachable_routes(topology const& on, flow const& f, switch_hashing const& how) {
    walker way(on);
    std::vector<route_id> routes;
    for (std::uint32_t i = 0; i < port_count; ++i)
        routes.push_back(hashed_route(way, how, f, static_cast<std::uint16_t>(first_port + i)));
    std::sort(routes.begin(), routes.end());
    return static_cast<std::size_t>(std::unique(routes.begin(), routes.end()) - routes.begin());
}

/// Runs the hash of every switch over the solved ports; the sub-flows that do not take their path.
inline std::vector<std::size_t> astray(topology const& on, std::span<flow const> phase, routing const& plan,
                                       enforcement const& ports, switch_hashing const& how) {
    walker way(on);
    std::vector<std::size_t> wrong;
    for (std::size_t i = 0; i < plan.size(); ++i) {
        auto const& f = phase[plan[i].flow];
        auto const taken = ports.port[i] == 0 ? unreachable : hashed_route(way, how, f, ports.port[i]);
        if (!same_route(on, f, taken, plan[i].route)) wrong.push_back(i);
    }
    return wrong;
}

} // namespace chorus
