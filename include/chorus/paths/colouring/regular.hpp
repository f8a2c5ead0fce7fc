#pragma once
/// Edge colouring of a regular bipartite multigraph of degree D with D colours (König), by halving.
///
///   even D   an Euler split: pair up the edges at every vertex, follow the pairs around each cycle, and give its edges
///            to the two halves in turn. Each half is regular of degree D/2.
///   odd D    one perfect matching first, found by random walks; it is a colour of its own, D-1 is even.
///
///   cost     O(E log D) for the splits, O(n log n) expected for each of the fewer than D/2 matchings, no allocation
///            once the buffers are as large as needed
///
/// Goel, Kapralov, Khanna, SIAM J. Comput. 42(3), 2013 (perfect matchings in O(n log n)).

#include <chorus/paths/xorshift.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// Keeps its buffers from call to call. Not thread-safe.
class regular_colouring {
public:
    /// An edge, at its place among those of its left vertex.
    struct edge {
        std::uint32_t right = 0;
        std::uint32_t id = 0;
    };

    /// Where the caller puts the edges: left vertex v has those at v * degree and the `degree - 1` after it; every
    /// right vertex, too, must occur `degree` times. Ids are the caller's.
    std::span<edge> prepare(std::uint32_t vertices, std::uint32_t degree) {
        vertices_ = vertices;
        degree_ = degree;
        auto const edges = std::size_t(vertices) * degree;
        if (arena_.size() < 3 * edges + 2) arena_.resize(3 * edges + 2); // a graph, its halves, a half's halves...
        if (mate_.size() < edges) mate_.resize(edges);
        if (first_.size() < edges / 2 + 1) first_.resize(edges / 2 + 1);
        if (open_.size() < vertices) open_.resize(vertices), match_.resize(vertices), chosen_.resize(vertices);
        return std::span(arena_).first(edges);
    }

    /// assign(id, colour) for every edge, colours from 0 to degree - 1. Destroys what `prepare` handed out.
    template <class Assign>
    void colour(Assign&& assign) {
        if (vertices_ > 0) colour(arena_.data(), degree_, 0, assign);
    }

private:
    static constexpr std::uint32_t none = 0xFFFF'FFFFU;

    template <class Assign>
    void colour(edge* edges, std::uint32_t degree, std::uint32_t first_colour, Assign& assign) {
        auto const count = std::size_t(vertices_) * degree;
        if (degree % 2 == 1) {
            take_matching(edges, degree, first_colour, assign);
            --degree, ++first_colour;
        }
        if (degree == 0) return;
        auto* const halves = edges + count;
        split(edges, degree, halves);
        auto const half = degree / 2;
        for (std::uint32_t side = 2; side-- > 0;) { // the second first: what it is split into goes behind it,
            auto* const part = halves + side * std::size_t(vertices_) * half; // and the first's where the second was
            if (half > 1)
                colour(part, half, first_colour + side * half, assign);
            else
                for (std::size_t i = 0; i < vertices_; ++i) assign(part[i].id, first_colour + side);
        }
    }

    /// Edge 2i and 2i+1 are paired at their left vertex (they are neighbours there), and one of them is in each half at
    /// place i, which leaves both halves in order of left vertices.
    void split(edge const* edges, std::uint32_t degree, edge* halves) {
        auto const count = std::size_t(vertices_) * degree;
        pair_up_right(edges, count);
        for (std::size_t i = 0; i < count / 2; ++i) first_[i] = unset;
        for (std::size_t pair = 0; pair < count / 2; ++pair) {
            if (first_[pair] != unset) continue;
            auto const start = static_cast<std::uint32_t>(2 * pair);
            auto at = start;
            do { // `at` goes to the first half, its neighbour to the second, that one's mate to the first
                first_[at / 2] = static_cast<std::uint8_t>(at % 2);
                at = mate_[at ^ 1U];
            } while (at != start);
        }
        for (std::size_t i = 0; i < count / 2; ++i) {
            halves[i] = edges[2 * i + first_[i]];
            halves[count / 2 + i] = edges[2 * i + 1 - first_[i]];
        }
    }

    /// mate_[i] is the edge that edge i is paired with at its right vertex.
    void pair_up_right(edge const* edges, std::size_t count) {
        for (std::uint32_t v = 0; v < vertices_; ++v) open_[v] = none;
        for (std::size_t i = 0; i < count; ++i) {
            auto& open = open_[edges[i].right];
            auto const other = open;
            auto const is_open = other != none;
            mate_[i] = other;
            mate_[is_open ? other : i] = static_cast<std::uint32_t>(i); // without a branch: half of them are open
            open = is_open ? none : static_cast<std::uint32_t>(i);
        }
    }

    /// Gives a perfect matching the colour and closes the gaps that it leaves.
    template <class Assign>
    void take_matching(edge* edges, std::uint32_t degree, std::uint32_t colour, Assign& assign) {
        for (std::uint32_t v = 0; v < vertices_; ++v) match_[v] = none;
        for (std::uint32_t v = 0; v < vertices_; ++v) augment(edges, degree, v);
        for (std::uint32_t v = 0; v < vertices_; ++v) chosen_[match_[v] / degree] = match_[v];
        std::size_t to = 0;
        for (std::uint32_t v = 0; v < vertices_; ++v) {
            auto const begin = std::size_t(v) * degree;
            assign(edges[chosen_[v]].id, colour);
            for (auto i = begin; i < begin + degree; ++i)
                if (i != chosen_[v]) edges[to++] = edges[i];
        }
    }

    /// A random walk from an unmatched left vertex: along any edge to the right, along the matching back, until a right
    /// vertex is free. The last edge chosen at every vertex leads along that walk without its loops.
    void augment(edge const* edges, std::uint32_t degree, std::uint32_t start) {
        auto at = start;
        for (;;) {
            auto const pick = at * degree + next_random(degree);
            chosen_[at] = pick;
            auto const back = match_[edges[pick].right];
            if (back == none) break;
            at = back / degree;
        }
        for (at = start;;) {
            auto const right = edges[chosen_[at]].right;
            auto const back = match_[right];
            match_[right] = chosen_[at];
            if (back == none) return;
            at = back / degree;
        }
    }

    /// Below `bound`. The sequence is the same in every run.
    std::uint32_t next_random(std::uint32_t bound) {
        return static_cast<std::uint32_t>(((random_() >> 32) * bound) >> 32);
    }

    static constexpr std::uint8_t unset = 2;

    std::uint32_t vertices_ = 0, degree_ = 0;
    std::vector<edge> arena_;
    std::vector<std::uint32_t> mate_;   // by edge
    std::vector<std::uint8_t> first_;   // by pair: which of the two is in the first half
    std::vector<std::uint32_t> open_;   // by right vertex: the edge that waits for a mate
    std::vector<std::uint32_t> match_;  // by right vertex: the edge of the matching
    std::vector<std::uint32_t> chosen_; // by left vertex: the edge last chosen
    detail::xorshift random_;
};

} // namespace chorus
