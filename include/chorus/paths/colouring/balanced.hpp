#pragma once
/// Colours the edges of any bipartite multigraph so that every vertex of degree d has at most ceil(d / colours) edges
/// of each colour: the least possible at every vertex at once.
///
/// A vertex of degree d is cut into vertices of degree `colours` and a rest; neighbouring rests share a vertex as long
/// as they fit; and edges that stand for nothing make the graph regular. Then a proper colouring (regular.hpp) is what
/// is wanted. Neighbouring vertices that share stay balanced together, too: number them by where they are.

#include <chorus/paths/colouring/regular.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// An edge of a bipartite multigraph.
struct bipartite_edge {
    std::uint32_t left = 0, right = 0;
};

/// Keeps its buffers from call to call. Not thread-safe.
class balanced_colouring {
public:
    /// assign(edge, colour) for every edge. `vertices` bounds the numbers on both sides. Precondition: colours >= 1.
    /// Cost: O((E + colours) log(colours) + vertices).
    template <class Assign>
    void colour(std::span<bipartite_edge const> edges, std::uint32_t vertices, std::uint32_t colours, Assign&& assign) {
        auto const count = static_cast<std::uint32_t>(edges.size());
        if (count == 0) return;
        auto const lefts = place(edges, vertices, colours, left_, [](bipartite_edge const& e) { return e.left; });
        auto const rights = place(edges, vertices, colours, right_, [](bipartite_edge const& e) { return e.right; });
        auto const places = std::max(lefts, rights); // vertices of the regular graph
        auto const slots = regular_.prepare(places, colours);
        for (auto& slot : slots) slot = {0, count};
        room_.assign(places, colours);
        for (std::uint32_t i = 0; i < count; ++i) {
            auto const right = right_[i] / colours;
            slots[left_[i]] = {right, i};
            --room_[right];
        }
        std::uint32_t free = 0; // right vertex that has room for edges that stand for nothing
        for (auto& slot : slots) {
            if (slot.id != count) continue;
            while (room_[free] == 0) ++free;
            slot.right = free;
            --room_[free];
        }
        regular_.colour([&](std::uint32_t id, std::uint32_t colour) {
            if (id != count) assign(id, colour);
        });
    }

private:
    /// slot[i], of the i-th edge: which slot of which vertex of the regular graph, `colours` slots to a vertex. Returns
    /// how many vertices there are.
    template <class Side>
    std::uint32_t place(std::span<bipartite_edge const> edges, std::uint32_t vertices, std::uint32_t colours,
                        std::vector<std::uint32_t>& slot, Side side) {
        next_.assign(vertices, 0);
        for (auto const& each : edges) ++next_[side(each)];
        rest_.resize(vertices);
        std::uint32_t used = 0;    // slots
        for (auto& each : next_) { // vertices with more edges than colours get vertices of their own...
            auto const whole = each / colours * colours;
            each -= whole;
            rest_[static_cast<std::size_t>(&each - next_.data())] = {used, used + whole, 0};
            used += whole;
        }
        for (std::uint32_t v = 0; v < vertices; ++v) { // ...and the rests share
            auto const degree = next_[v];
            if (degree > 0 && used % colours + degree > colours) used += colours - used % colours;
            rest_[v].rest = used;
            used += degree;
        }
        slot.resize(edges.size());
        for (std::size_t i = 0; i < edges.size(); ++i) {
            auto& at = rest_[side(edges[i])];
            slot[i] = at.next < at.end ? at.next++ : at.rest++;
        }
        return (used + colours - 1) / colours;
    }

    struct range {
        std::uint32_t next = 0, end = 0; ///< slots of the whole vertices
        std::uint32_t rest = 0;          ///< next slot of the rest
    };

    regular_colouring regular_;
    std::vector<std::uint32_t> left_, right_; // by edge: its slot
    std::vector<std::uint32_t> next_, room_;
    std::vector<range> rest_;
};

} // namespace chorus
