#pragma once
/// Shortest paths over links that are alive, on any topology: how far every vertex is from a destination, which next
/// hops lead there, and how many equal-cost paths that makes, without listing them.

#include <chorus/network/topology.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace chorus {

/// A snapshot: make a new one when health changes. Not thread-safe.
class shortest_paths {
public:
    static constexpr std::uint32_t far = std::numeric_limits<std::uint32_t>::max();

    explicit shortest_paths(topology const& on) : on_(&on), begin_(on.vertices() + 1), links_(on.links()) {
        auto& end = begin_; // counting sort of links by the vertex that they leave
        for (link_id l = 0; l < on.links(); ++l)
            if (on.from(l) + 1 < end.size()) ++end[on.from(l) + 1];
        for (std::size_t v = 1; v < end.size(); ++v) end[v] += end[v - 1];
        auto next = begin_;
        for (link_id l = 0; l < on.links(); ++l) links_[next[on.from(l)]++] = l;
    }

    /// All links that leave v, dead ones too.
    std::span<link_id const> out(vertex_id v) const {
        return std::span(links_).subspan(begin_[v], begin_[v + 1] - begin_[v]);
    }

    /// Distances of all vertices to the destination, in hops; `far` where there is no path. Cost: O(links) when the
    /// destination is another one than last time.
    std::span<std::uint32_t const> distances_to(endpoint_id destination) {
        if (destination == destination_) return distance_;
        destination_ = destination;
        distance_.assign(on_->vertices(), far);
        distance_[destination] = 0;
        queue_.assign(1, destination);
        for (std::size_t i = 0; i < queue_.size(); ++i) {
            auto const at = queue_[i];
            for (auto const l : out(at)) {
                auto const before = on_->to(l);
                auto const through = before >= on_->endpoints(); // endpoints pass nothing on
                if (distance_[before] != far || !on_->alive(topology::reverse(l))) continue;
                distance_[before] = distance_[at] + 1;
                if (through) queue_.push_back(before);
            }
        }
        return distance_;
    }

    /// Links from v that lie on a shortest path to the destination, in order of their ids.
    std::span<link_id const> next_hops(vertex_id v, endpoint_id destination) {
        auto const distance = distances_to(destination);
        hops_.clear();
        for (auto const l : out(v))
            if (distance[v] != far && on_->alive(l) && distance[on_->to(l)] == distance[v] - 1) hops_.push_back(l);
        return hops_;
    }

    /// How many shortest paths lead from source to destination. As double: tori have very many.
    double count(endpoint_id source, endpoint_id destination) {
        auto const distance = distances_to(destination);
        if (distance[source] == far) return 0;
        std::vector<double> ways(on_->vertices(), 0.0);
        ways[destination] = 1;
        for (auto const v : queue_) add_ways(v, distance, ways); // in order of distance
        if (source != destination) add_ways(source, distance, ways);
        return ways[source];
    }

private:
    void add_ways(vertex_id v, std::span<std::uint32_t const> distance, std::vector<double>& ways) const {
        if (distance[v] == 0) return;
        double sum = 0;
        for (auto const l : out(v))
            if (on_->alive(l) && distance[on_->to(l)] == distance[v] - 1) sum += ways[on_->to(l)];
        ways[v] = sum;
    }

    topology const* on_;
    std::vector<std::uint32_t> begin_;
    std::vector<link_id> links_;
    endpoint_id destination_ = std::numeric_limits<endpoint_id>::max();
    std::vector<std::uint32_t> distance_;
    std::vector<vertex_id> queue_;
    std::vector<link_id> hops_;
};

} // namespace chorus
