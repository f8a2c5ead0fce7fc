#pragma once
/// What a path policy answers: for every flow of a phase one or several *sub-flows*, each with a share of the bytes
/// and a path.
///
/// A path is a list of hops: links in order, or *bundles* where a sprayed flow takes all links of a bundle evenly.
/// It is kept as one number (`route`), 12 bytes per sub-flow for any Clos:
///
///   route < clos.routes()   the route of that number (clos.hpp)
///   spread                  over all routes evenly: hops are bundles (Clos only)
///   explicit_path + i       the i-th list of links of this routing: any topology, detours
///   unreachable             no path is alive: no hops

#include <chorus/network/topology.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

using route_id = std::uint32_t;

inline constexpr route_id explicit_path = 0x8000'0000U;
inline constexpr route_id spread = 0x7FFF'FFFFU;
inline constexpr route_id unreachable = 0x7FFF'FFFEU;

struct subflow {
    std::uint32_t flow = 0; ///< index in the phase
    route_id route = 0;
    float share = 1; ///< of the flow's bytes; the shares of a flow sum to 1
};

/// The longest path that is not explicit.
using hop_buffer = std::array<hop_id, 8>;

/// How capacity of a bundle is counted: `even` sends the same on every link, so that the slowest holds all back
/// (oblivious spray); `adaptive` sends on each what it can carry. Dead links are left out by both.
enum class spreading : std::uint8_t { even, adaptive };

class routing {
public:
    spreading how_spread = spreading::even;

    std::size_t size() const { return subflows_.size(); }
    subflow const& operator[](std::size_t i) const { return subflows_[i]; }
    std::span<subflow const> subflows() const { return subflows_; }
    std::span<subflow> subflows() { return subflows_; }

    void reserve(std::size_t count) { subflows_.reserve(count); }
    /// Sub-flows are added in the order of their flows.
    void add(subflow const& one) { subflows_.push_back(one); }
    /// One sub-flow for each flow, all on `route`.
    void assign(std::size_t flows, route_id route) {
        subflows_.resize(flows);
        for (std::size_t i = 0; i < flows; ++i) subflows_[i] = {static_cast<std::uint32_t>(i), route, 1.0F};
    }
    /// Keeps a list of links, in order from source to destination.
    route_id add_path(std::span<link_id const> links) {
        links_.insert(links_.end(), links.begin(), links.end());
        ends_.push_back(static_cast<std::uint32_t>(links_.size()));
        return explicit_path + static_cast<route_id>(ends_.size() - 1);
    }
    std::span<link_id const> path(route_id route) const {
        auto const i = route - explicit_path;
        auto const begin = i == 0 ? 0 : ends_[i - 1];
        return std::span(links_).subspan(begin, ends_[i] - begin);
    }

    /// The hops of sub-flow i of `phase`. The result lives as long as `buffer` and this. A flow to itself has none.
    std::span<hop_id const> hops(topology const& on, std::span<flow const> phase, std::size_t i,
                                 hop_buffer& buffer) const {
        auto const& one = subflows_[i];
        if (one.route == unreachable) return {};
        if (one.route >= explicit_path) return path(one.route);
        return expand(on, phase[one.flow].source, phase[one.flow].destination, one.route, buffer);
    }

    /// Of a Clos fabric, the hops of a route that is no explicit path.
    static std::span<hop_id const> expand(topology const& on, endpoint_id source, endpoint_id destination,
                                          route_id route, hop_buffer& buffer);

    /// Bytes per second that a hop carries, in its present state of health.
    double capacity(topology const& on, hop_id hop) const;

private:
    std::vector<subflow> subflows_;
    std::vector<link_id> links_;
    std::vector<std::uint32_t> ends_;
};

namespace detail {

inline constexpr link_id up(std::uint32_t cable) { return 2 * cable; }
inline constexpr link_id down(std::uint32_t cable) { return 2 * cable + 1; }

inline std::size_t expand_route(clos_shape const& c, endpoint_id s, endpoint_id d, route_id number, hop_id* out) {
    auto const [plane, x, y] = c.route(number);
    auto const edge = c.edge_of(s), other = c.edge_of(d);
    std::size_t n = 0;
    out[n++] = up(c.access_cable(plane, s));
    if (edge != other) {
        auto const pod = c.pod_of_edge(edge), other_pod = c.pod_of_edge(other), aggregation = x / c.edge_cables;
        out[n++] = up(c.edge_cable(plane, edge, x));
        if (pod != other_pod) {
            out[n++] = up(c.core_cable(plane, pod, aggregation, y));
            out[n++] = down(c.core_cable(plane, other_pod, aggregation, y));
        }
        out[n++] = down(c.edge_cable(plane, other, x));
    }
    out[n++] = down(c.access_cable(plane, d));
    return n;
}

inline std::size_t expand_spread(topology const& on, clos_shape const& c, endpoint_id s, endpoint_id d, hop_id* out) {
    auto const edge = c.edge_of(s), other = c.edge_of(d);
    auto const planes = c.planes > 1;
    std::size_t n = 0;
    out[n++] = planes ? on.bundle_hop(c.access_bundle(s), false) : up(c.access_cable(0, s));
    if (edge != other) {
        auto const pod = c.pod_of_edge(edge), other_pod = c.pod_of_edge(other);
        out[n++] = on.bundle_hop(c.edge_bundle(edge), false);
        if (pod != other_pod) {
            out[n++] = on.bundle_hop(c.pod_bundle(pod), false);
            out[n++] = on.bundle_hop(c.pod_bundle(other_pod), true);
        }
        out[n++] = on.bundle_hop(c.edge_bundle(other), true);
    }
    out[n++] = planes ? on.bundle_hop(c.access_bundle(d), true) : down(c.access_cable(0, d));
    return n;
}

} // namespace detail

inline std::span<hop_id const> routing::expand(topology const& on, endpoint_id source, endpoint_id destination,
                                               route_id route, hop_buffer& buffer) {
    auto const& c = *on.clos();
    if (source == destination) return {};
    if (c.bus && c.host_of(source) == c.host_of(destination)) {
        buffer[0] = detail::up(c.bus_cable(source));
        buffer[1] = detail::down(c.bus_cable(destination));
        return {buffer.data(), 2};
    }
    auto const length = route == spread ? detail::expand_spread(on, c, source, destination, buffer.data())
                                        : detail::expand_route(c, source, destination, route, buffer.data());
    return {buffer.data(), length};
}

inline double routing::capacity(topology const& on, hop_id hop) const {
    if (on.is_link(hop)) return on.rate(hop);
    auto const links = on.bundle(hop);
    double sum = 0, least = 0, alive = 0;
    for (std::uint32_t i = 0; i < links.size(); ++i) {
        auto const rate = on.rate(links.link(i));
        if (rate == 0) continue;
        least = alive == 0 || rate < least ? rate : least;
        sum += rate;
        ++alive;
    }
    return how_spread == spreading::adaptive ? sum : least * alive;
}

} // namespace chorus
