#pragma once
/// A place for a flow among equal ones by exchanges of colours (Kempe chains; D. Koenig, "Ueber Graphen und ihre Anwendung auf
/// Determinantentheorie und Mengenlehre", Math. Ann. 77, 1916: every bipartite graph of degree D has an edge colouring with D colours,
/// because such a chain never comes back to where it began).
///
/// A *class* is what a flow chooses at its edge switches: a plane and an uplink. In a class it chooses a core at its pods.
///
///   in a class    a free core at one pod and another at the other pod: along one path of flows these two change places
///   two classes   a free uplink at one edge switch and another at the other: the same, each flow with a core in its new class
///   a full pod    whose links of a class are all taken or dead: an edge switch of it that has another class free takes a flow out of this
///                 class; else all flows of two classes change places, so that the dead link falls to a class that needs it less
///
///   cost   O(edge switches) for a path, O(flows of two classes) for the last; tries end after a bounded number of moves

#include <chorus/paths/occupancy.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace chorus::detail {

class exchange {
public:
    explicit exchange(occupancy& flows) : flows_(flows), on_(flows.on()), shape_(*on_.clos()) {}

    /// Finds a place for a flow that has none, with that maximum load. False, and nothing changed, when it finds none.
    bool place(std::uint32_t i, double most) {
        auto const& f = flows_.at(i);
        if (shape_.edge_of(f.source) == shape_.edge_of(f.destination) || on_bus(f)) return false; // there is one way
        most_ = most;
        moves_left_ = fewest_moves + 16 * std::size_t{shape_.all_edges()};
        auto const mark = flows_.moves().size();
        for (auto const thorough : {false, true}) {
            if (fit(i, thorough) || exchange_classes(i, thorough)) return true;
            flows_.undo(mark);
        }
        return false;
    }

private:
    static constexpr std::size_t most_paths = 16, most_exchanges = 3, fewest_moves = 50'000;

    bool on_bus(flow const& f) const { return shape_.bus && shape_.host_of(f.source) == shape_.host_of(f.destination); }
    bool leaves_pod(std::uint32_t i) const { return shape_.pod_of(flows_.at(i).source) != shape_.pod_of(flows_.at(i).destination); }
    std::uint32_t classes() const { return shape_.planes * shape_.xs(); }
    route_id route(std::uint32_t its_class, std::uint32_t core) const { return its_class * shape_.ys() + core; }
    endpoint_id end(std::uint32_t i, bool inwards) const { return inwards ? flows_.at(i).destination : flows_.at(i).source; }

    link_id edge_link(std::uint32_t edge, std::uint32_t its_class, bool inwards) const {
        auto const cable = shape_.edge_cable(its_class / shape_.xs(), edge, its_class % shape_.xs());
        return inwards ? down(cable) : up(cable);
    }
    link_id pod_link(std::uint32_t pod, std::uint32_t its_class, std::uint32_t core, bool inwards) const {
        auto const cable = shape_.core_cable(its_class / shape_.xs(), pod, its_class % shape_.xs() / shape_.edge_cables, core);
        return inwards ? down(cable) : up(cable);
    }
    bool is_free(link_id l, std::uint32_t i) const { return on_.alive(l) && flows_.has_place(l, most_, i); }
    /// Flows like i that the pod's links of a class have places for.
    std::uint32_t free_cores(std::uint32_t pod, std::uint32_t its_class, bool inwards, std::uint32_t i) const {
        std::uint32_t count = 0;
        for (std::uint32_t core = 0; core < shape_.ys(); ++core) count += is_free(pod_link(pod, its_class, core, inwards), i) ? 1 : 0;
        return count;
    }

    /// Puts flow i into class (or on core) `a`; whoever is too many there at one end goes to `b`, and so on. `settle(flow, which)`
    /// puts a flow there; `link(flow, which, inwards)` is where it needs a place. False where the path meets what is dead.
    template <class Settle, class Link>
    bool alternate(std::uint32_t i, std::uint32_t a, std::uint32_t b, bool inwards, Settle const& settle, Link const& link) {
        for (; moves_left_ > 0; --moves_left_) { // with one flow to a link a path never comes back
            auto const l = link(i, a, inwards);
            auto next = occupancy::none;
            if (!flows_.has_place(l, most_, i)) {
                flows_.visit(l, [&](std::uint32_t j) { return next = j, true; });
                if (next == occupancy::none) return false;
                flows_.take(next);
            }
            if (!settle(i, a)) return false;
            if (next == occupancy::none) return true;
            i = next;
            std::swap(a, b);
            inwards = !inwards;
        }
        return false;
    }

    bool between_cores(std::uint32_t i, std::uint32_t its_class, std::uint32_t a, std::uint32_t b, bool inwards) {
        auto const link = [&](std::uint32_t j, std::uint32_t core, bool in) {
            return pod_link(shape_.pod_of(end(j, in)), its_class, core, in);
        };
        auto const settle = [&](std::uint32_t j, std::uint32_t core) {
            flows_.put(j, route(its_class, core));
            return on_.alive(link(j, core, false)) && on_.alive(link(j, core, true));
        };
        return alternate(i, a, b, inwards, settle, link);
    }

    bool reaches_plane(std::uint32_t i, std::uint32_t its_class) const {
        auto const plane = its_class / shape_.xs();
        return is_free(up(shape_.access_cable(plane, end(i, false))), i) && is_free(down(shape_.access_cable(plane, end(i, true))), i);
    }
    /// Into a class, where edge links may be above the maximum for now.
    bool put_in_class(std::uint32_t i, std::uint32_t its_class) {
        if (!reaches_plane(i, its_class)) return false;
        for (auto const inwards : {false, true})
            if (!on_.alive(edge_link(shape_.edge_of(end(i, inwards)), its_class, inwards))) return false;
        if (!leaves_pod(i)) return flows_.put(i, route(its_class, 0)), true;
        auto const pod = shape_.pod_of(end(i, false)), other = shape_.pod_of(end(i, true));
        std::vector<std::uint32_t> ups, downs;
        for (std::uint32_t core = 0; core < shape_.ys(); ++core) {
            auto const up_free = is_free(pod_link(pod, its_class, core, false), i),
                       down_free = is_free(pod_link(other, its_class, core, true), i);
            if (up_free && down_free) return flows_.put(i, route(its_class, core)), true;
            if (up_free) ups.push_back(core);
            if (down_free) downs.push_back(core);
        }
        return any_pair(ups, downs, [&](std::uint32_t a, std::uint32_t b, bool inwards) { return between_cores(i, its_class, a, b, inwards); });
    }

    /// Tries pairs until one works: what is free on the way up and makes room on the way down, or the other way round.
    template <class Work>
    bool any_pair(std::span<std::uint32_t const> ups, std::span<std::uint32_t const> downs, Work const& work) {
        auto const mark = flows_.moves().size();
        std::size_t tried = 0;
        for (auto const a : ups)
            for (auto const b : downs)
                for (auto const inwards : {true, false}) {
                    if (inwards ? work(a, b, true) : work(b, a, false)) return true;
                    flows_.undo(mark);
                    if (++tried == most_paths) return false;
                }
        return false;
    }

    bool between_classes(std::uint32_t i, std::uint32_t a, std::uint32_t b, bool inwards) {
        return alternate(
            i, a, b, inwards, [&](std::uint32_t j, std::uint32_t its_class) { return put_in_class(j, its_class); },
            [&](std::uint32_t j, std::uint32_t its_class, bool in) { return edge_link(shape_.edge_of(end(j, in)), its_class, in); });
    }
    std::vector<std::uint32_t> free_classes(std::uint32_t i, bool inwards) const {
        std::vector<std::uint32_t> all;
        for (std::uint32_t one = 0; one < classes(); ++one)
            if (is_free(edge_link(shape_.edge_of(end(i, inwards)), one, inwards), i)) all.push_back(one);
        return all;
    }
    bool by_path(std::uint32_t i) {
        auto const ups = free_classes(i, false), downs = free_classes(i, true);
        for (auto const one : ups)
            for (auto const other : downs)
                if (one == other && put_in_class(i, one)) return true;
        return any_pair(ups, downs, [&](std::uint32_t a, std::uint32_t b, bool inwards) { return a != b && between_classes(i, a, b, inwards); });
    }

    /// A class that flow i could take, were its edge switch or its pod not full.
    struct shortage {
        std::uint32_t edges = 0, count = 0; ///< one edge switch, or those of a pod
        std::uint32_t its_class = 0;
        bool inwards = false;
    };
    std::vector<shortage> full_pods(std::uint32_t i) const {
        std::vector<shortage> all;
        if (!leaves_pod(i)) return all;
        for (auto const inwards : {false, true}) {
            auto const pod = shape_.pod_of(end(i, inwards));
            for (auto const one : free_classes(i, inwards))
                if (free_cores(pod, one, inwards, i) == 0) all.push_back({pod * shape_.edges, shape_.edges, one, inwards});
        }
        return all;
    }
    std::vector<shortage> full_edges(std::uint32_t i) const {
        std::vector<shortage> all;
        for (auto const inwards : {false, true})
            for (std::uint32_t one = 0; one < classes() && all.size() < most_paths; ++one) {
                auto const edge = shape_.edge_of(end(i, inwards));
                auto const l = edge_link(edge, one, inwards);
                if (on_.alive(l) && !is_free(l, i) && reaches_plane(i, one)) all.push_back({edge, 1, one, inwards});
            }
        return all;
    }
    bool has_room(shortage const& there, std::uint32_t like) const {
        auto const [edge, count, its_class, inwards] = there;
        return count == 1 ? is_free(edge_link(edge, its_class, inwards), like)
                          : free_cores(shape_.pod_of_edge(edge), its_class, inwards, like) > 0;
    }

    bool fit(std::uint32_t i, bool thorough) {
        if (by_path(i)) return true;
        if (!thorough) return false;
        auto const mark = flows_.moves().size();
        for (auto const& lacking : {full_pods(i), full_edges(i)})
            for (auto const& lack : lacking) {
                if (relieve(lack, i) && by_path(i)) return true;
                flows_.undo(mark);
            }
        return false;
    }
    /// Gets a flow out of a class, through an edge switch that has another class free.
    bool relieve(shortage const& lack, std::uint32_t like) {
        auto const mark = flows_.moves().size();
        auto const [first, count, full, inwards] = lack;
        for (auto edge = first; edge < first + count; ++edge)
            for (std::uint32_t other = 0; other < classes(); ++other) {
                if (other == full || !is_free(edge_link(edge, other, inwards), like)) continue;
                auto leaving = occupancy::none;
                flows_.visit(edge_link(edge, full, inwards),
                             [&, count = count](std::uint32_t j) { return (count == 1 || leaves_pod(j)) && (leaving = j, true); });
                if (leaving == occupancy::none) continue;
                flows_.take(leaving);
                if (between_classes(leaving, other, full, !inwards) && has_room(lack, like)) return true;
                flows_.undo(mark);
            }
        return false;
    }

    bool exchange_classes(std::uint32_t i, bool thorough) {
        auto const mark = flows_.moves().size();
        for (auto const& lack : full_pods(i)) {
            auto const pod = shape_.pod_of_edge(lack.edges);
            auto const room = [&](std::uint32_t one, bool inwards) { return free_cores(pod, one, inwards, i) > 0; };
            std::vector<std::uint32_t> others; // dead cables are dead both ways: best with room both ways
            for (auto const both : {true, false})
                for (std::uint32_t one = 0; one < classes(); ++one)
                    if (room(one, lack.inwards) && room(one, !lack.inwards) == both) others.push_back(one);
            if (others.size() > most_exchanges) others.resize(most_exchanges);
            for (auto const other : others) {
                if (exchange_all(lack.its_class, other, thorough) && fit(i, thorough)) return true;
                flows_.undo(mark);
            }
        }
        return false;
    }
    /// All flows of two classes; those that find no place there then look for another.
    bool exchange_all(std::uint32_t a, std::uint32_t b, bool thorough) {
        std::vector<occupancy::move> all;
        for (std::uint32_t edge = 0; edge < shape_.all_edges(); ++edge)
            for (auto const one : {a, b})
                flows_.visit(edge_link(edge, one, false), [&](std::uint32_t j) {
                    all.emplace_back(j, route(one == a ? b : a, flows_.route(j) % shape_.ys()));
                    return false;
                });
        moves_left_ -= std::min(moves_left_, all.size());
        for (auto const& each : all) flows_.take(each.first);
        std::vector<std::uint32_t> homeless;
        for (auto const& [j, its_route] : all) {
            auto good = true;
            for (auto const l : flows_.hops(j, its_route)) good = good && is_free(l, j);
            if (good) flows_.put(j, its_route);
            else homeless.push_back(j);
        }
        for (auto const j : homeless)
            if (!fit(j, thorough)) return false;
        return true;
    }

    occupancy& flows_;
    topology const& on_;
    clos_shape const& shape_;
    double most_ = 0;
    std::size_t moves_left_ = 0;
};

} // namespace chorus::detail
