#pragma once
/// Least loaded first: flows one after the other, largest first, each on the route whose most loaded link is the least
/// loaded. On permutations it stays at maximum load 2.
///
///   F flows   O(F * routes) at worst; the first route without load ends the search. Clos fabrics only

#include <chorus/network/policy.hpp>
#include <chorus/paths/route_loads.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace chorus {

struct greedy {
    std::string name() const { return "greedy"; }

    routing route(topology const& on, std::span<flow const> phase) const {
        if (on.clos() == nullptr) detail::misuse({"greedy: needs a Clos fabric, not ", on.text()});
        routing result;
        result.assign(phase.size(), unreachable);
        std::vector<std::uint32_t> order(phase.size());
        std::iota(order.begin(), order.end(), 0U);
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return phase[a].bytes > phase[b].bytes; });
        route_loads loads(on, phase);
        for (auto const i : order) {
            auto const best = best_route(*on.clos(), loads, phase[i]);
            result.subflows()[i].route = best;
            if (best != unreachable) loads.add(phase[i], best, static_cast<double>(phase[i].bytes));
        }
        return result;
    }

    /// The route that is least loaded, or `unreachable`.
    static route_id best_route(clos_shape const& c, route_loads& loads, flow const& f) {
        auto const bytes = static_cast<double>(f.bytes);
        auto best = unreachable;
        auto best_load = std::numeric_limits<double>::infinity();
        auto const from = c.edge_of(f.source), to = c.edge_of(f.destination);
        auto const across = c.pod_of_edge(from) != c.pod_of_edge(to);
        auto const xs = from == to ? 1 : c.xs(), ys = across ? c.ys() : 1;
        for (std::uint32_t plane = 0; plane < c.planes; ++plane) {
            auto const least = std::max(loads.load_with(detail::up(c.access_cable(plane, f.source)), bytes),
                                        loads.load_with(detail::down(c.access_cable(plane, f.destination)), bytes));
            for (std::uint32_t x = 0; x < xs; ++x) {
                if (from != to && worse(loads, c, plane, from, to, x, bytes, best_load)) continue;
                for (std::uint32_t y = 0; y < ys; ++y) {
                    auto const load = loads.worst(f, c.route({plane, x, y}), bytes);
                    if (load >= best_load) continue;
                    best_load = load;
                    best = c.route({plane, x, y});
                    if (load <= least || load <= 1) return best; // it cannot be less than its access links are
                }
            }
        }
        return best;
    }

private:
    static bool worse(route_loads const& loads, clos_shape const& c, std::uint32_t plane, std::uint32_t from,
                      std::uint32_t to, std::uint32_t x, double bytes, double than) {
        return loads.load_with(detail::up(c.edge_cable(plane, from, x)), bytes) >= than ||
               loads.load_with(detail::down(c.edge_cable(plane, to, x)), bytes) >= than;
    }
};

} // namespace chorus
