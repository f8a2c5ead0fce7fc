#pragma once
/// Hop by hop: how a flow finds its way when every switch chooses among the next hops that lead on. Policies differ in
/// who chooses; dead links are never among the choices (the routing protocol has withdrawn them).

#include <chorus/network/routing.hpp>
#include <chorus/network/shortest.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace chorus {

/// Does the route's part between two edge switches work, in both directions? (Acknowledgements come back on it.)
inline bool usable_x(topology const& on, std::uint32_t plane, std::uint32_t edge, std::uint32_t other,
                     std::uint32_t x) {
    auto const& c = *on.clos();
    return on.alive(detail::up(c.edge_cable(plane, edge, x))) && on.alive(detail::down(c.edge_cable(plane, other, x)));
}
/// The same above the aggregation switches of two pods.
inline bool usable_y(topology const& on, std::uint32_t plane, std::uint32_t pod, std::uint32_t other,
                     std::uint32_t aggregation, std::uint32_t y) {
    auto const& c = *on.clos();
    return on.alive(detail::up(c.core_cable(plane, pod, aggregation, y))) &&
           on.alive(detail::down(c.core_cable(plane, other, aggregation, y)));
}

/// Walks flows over a topology as it is now. Make a new one when health changes.
///
/// choose(vertex, count, link) -> index: `link(i)` is the i-th of `count` >= 1 links that lead on from the vertex.
class walker {
public:
    explicit walker(topology const& on)
        : on_(on),
          shortest_(on.clos() ? nullptr : std::make_unique<shortest_paths>(on)) {}

    /// The route of a flow from s to d; explicit paths are added to `to`.
    template <class Choose>
    route_id walk(endpoint_id s, endpoint_id d, Choose&& choose, routing& to) {
        if (s == d) return to.add_path({});
        return on_.clos() ? walk_clos(s, d, choose) : walk_graph(s, d, choose, to);
    }

private:
    template <class Choose>
    route_id walk_clos(endpoint_id s, endpoint_id d, Choose& choose) {
        auto const& c = *on_.clos();
        if (c.bus && c.host_of(s) == c.host_of(d))
            return on_.alive(detail::up(c.bus_cable(s))) && on_.alive(detail::down(c.bus_cable(d))) ? 0 : unreachable;
        auto const edge = c.edge_of(s), other = c.edge_of(d), pod = c.pod_of_edge(edge),
                   other_pod = c.pod_of_edge(other);
        auto const across = pod != other_pod;
        clos_route r;
        auto const core_works = [&](std::uint32_t y) {
            return usable_y(on_, r.plane, pod, other_pod, r.x / c.edge_cables, y);
        };
        auto const x_works = [&](std::uint32_t x) {
            r.x = x;
            return usable_x(on_, r.plane, edge, other, x) && (!across || any(c.ys(), core_works));
        };
        auto const plane_works = [&](std::uint32_t plane) {
            r.plane = plane;
            return on_.alive(detail::up(c.access_cable(plane, s))) &&
                   on_.alive(detail::down(c.access_cable(plane, d))) && (edge == other || any(c.xs(), x_works));
        };
        auto const access = [&](std::uint32_t i) { return detail::up(c.access_cable(i, s)); };
        if (!pick(s, c.planes, plane_works, access, choose, r.plane)) return unreachable;
        if (edge == other) return c.route({r.plane, 0, 0});
        auto const above_edge = [&](std::uint32_t i) { return detail::up(c.edge_cable(r.plane, edge, i)); };
        pick(c.first_edge() + r.plane * c.all_edges() + edge, c.xs(), x_works, above_edge, choose, r.x);
        if (!across) return c.route({r.plane, r.x, 0});
        auto const a = r.x / c.edge_cables;
        auto const above_pod = [&](std::uint32_t i) { return detail::up(c.core_cable(r.plane, pod, a, i)); };
        pick(c.first_aggregation() + (r.plane * c.pods + pod) * c.aggregations + a, c.ys(), core_works, above_pod,
             choose, r.y);
        return c.route(r);
    }

    template <class Works>
    static bool any(std::uint32_t count, Works const& works) {
        for (std::uint32_t i = 0; i < count; ++i)
            if (works(i)) return true;
        return false;
    }

    /// Lets choose() take one of those that work. False when none does.
    template <class Works, class Link, class Choose>
    bool pick(vertex_id at, std::uint32_t count, Works const& works, Link const& link, Choose& choose,
              std::uint32_t& chosen) {
        if (on_.healthy()) {
            chosen = count == 1 ? 0 : choose(at, count, link);
            return true;
        }
        working_.clear();
        for (std::uint32_t i = 0; i < count; ++i)
            if (works(i)) working_.push_back(i);
        if (working_.empty()) return false;
        auto const found = static_cast<std::uint32_t>(working_.size());
        chosen = working_[found == 1 ? 0 : choose(at, found, [&](std::uint32_t i) { return link(working_[i]); })];
        return true;
    }

    template <class Choose>
    route_id walk_graph(endpoint_id s, endpoint_id d, Choose& choose, routing& to) {
        path_.clear();
        for (vertex_id at = s; at != d;) {
            auto const next = shortest_->next_hops(at, d);
            if (next.empty()) return unreachable;
            auto const count = static_cast<std::uint32_t>(next.size());
            auto const chosen = next[count == 1 ? 0 : choose(at, count, [&](std::uint32_t i) { return next[i]; })];
            path_.push_back(chosen);
            at = on_.to(chosen);
        }
        return to.add_path(path_);
    }

    topology const& on_;
    std::unique_ptr<shortest_paths> shortest_; // where there is no closed form
    std::vector<std::uint32_t> working_;
    std::vector<link_id> path_;
};

/// The flows of the phase that some living path leads to their destination.
inline std::vector<flow> reachable_flows(topology const& on, std::span<flow const> phase) {
    if (on.healthy()) return {phase.begin(), phase.end()};
    walker way(on);
    routing ignored;
    auto const first = [](vertex_id, std::uint32_t, auto const&) { return 0U; };
    std::vector<flow> some;
    for (auto const& f : phase)
        if (way.walk(f.source, f.destination, first, ignored) != unreachable) some.push_back(f);
    return some;
}

} // namespace chorus
