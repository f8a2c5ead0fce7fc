#pragma once
/// Makes a colouring equitable in nested sets of edges at once: the flows of an endpoint, of its switch, of its pod, on
/// either side. Every set of n edges gets floor(n / colours) or ceil(n / colours) of each colour.
///
/// Take the edges of two colours that differ by two or more in some set, and give them these colours anew: pair up the
/// edges in each innermost set; what is left over is paired in the set around it, and so on outwards; on both sides. Along
/// the chains of pairs colours alternate, so that no set differs by more than one in these two colours. The sum of the
/// squared counts falls with every such step: it ends, and ends equitable.
///
/// De Werra, "Equitable colorations of graphs", RIRO 5, 1971, for one set per vertex.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// Keeps its buffers from call to call. Not thread-safe.
class laminar_colouring {
public:
    static constexpr std::uint32_t none = 0xFFFF'FFFFU;

    /// Nested sets: `innermost` by edge, `around` by set: a set of a larger number, or none.
    struct family {
        std::vector<std::uint32_t> innermost, around;
    };

    /// Starts from `colour`, and changes it. O(edges of two colours * depth) for each step; few from a start that is nearly
    /// equitable.
    void balance(family const& left, family const& right, std::uint32_t colours, std::span<std::uint32_t> colour) {
        colour_ = colour;
        colours_ = colours;
        sides_[0].family = &left, sides_[1].family = &right;
        of_colour_.assign(colours, {});
        for (std::uint32_t i = 0; i < colour.size(); ++i) of_colour_[colour[i]].push_back(i);
        for (auto& side : sides_) {
            side.count.assign(side.family->around.size() * colours, 0);
            side.mate.assign(colour.size(), none);
            for (std::uint32_t i = 0; i < colour.size(); ++i) count(side, i, colour[i], 1);
        }
        for (auto again = true; again;) {
            again = false;
            for (auto const& side : sides_)
                for (std::size_t set = 0; set < side.family->around.size(); ++set) again = settle(side, set) || again;
        }
    }

private:
    struct one_side {
        laminar_colouring::family const* family = nullptr;
        std::vector<std::uint32_t> count; ///< by set and colour
        std::vector<std::uint32_t> mate;  ///< by edge: what it is paired with
        std::vector<std::uint32_t> open;  ///< by set: the edge that waits for a mate
    };

    static void visit_sets(one_side const& side, std::uint32_t edge, auto&& visit) {
        for (auto set = side.family->innermost[edge]; set != none; set = side.family->around[set]) visit(set);
    }
    void count(one_side& side, std::uint32_t edge, std::uint32_t colour, std::uint32_t more) {
        visit_sets(side, edge, [&](std::uint32_t set) { side.count[std::size_t{set} * colours_ + colour] += more; });
    }

    /// True when it had to do something.
    bool settle(one_side const& side, std::size_t set) {
        for (auto changed = false;; changed = true) {
            auto const counts = std::span(side.count).subspan(set * colours_, colours_);
            auto const most = std::max_element(counts.begin(), counts.end()), least = std::min_element(counts.begin(), counts.end());
            if (*most - *least < 2) return changed;
            share_out(static_cast<std::uint32_t>(most - counts.begin()), static_cast<std::uint32_t>(least - counts.begin()));
        }
    }

    /// Gives the edges of two colours these colours anew.
    void share_out(std::uint32_t a, std::uint32_t b) {
        edges_ = of_colour_[a];
        edges_.insert(edges_.end(), of_colour_[b].begin(), of_colour_[b].end());
        of_colour_[a].clear(), of_colour_[b].clear();
        for (auto& side : sides_) pair_up(side);
        for (auto const edge : edges_) {
            for (auto& side : sides_) count(side, edge, colour_[edge], none); // one less
            colour_[edge] = none;
        }
        for (auto const edge : edges_) // chains from their ends, where they have any; then rings
            for (std::size_t side = 0; side < 2; ++side)
                if (colour_[edge] == none && sides_[side].mate[edge] == none) alternate(edge, 1 - side, a, b);
        for (auto const edge : edges_)
            if (colour_[edge] == none) alternate(edge, 0, a, b);
    }
    void alternate(std::uint32_t edge, std::size_t side, std::uint32_t now, std::uint32_t next) {
        for (; edge != none && colour_[edge] == none; edge = sides_[side].mate[edge], side = 1 - side) {
            colour_[edge] = now;
            of_colour_[now].push_back(edge);
            for (auto& each : sides_) count(each, edge, now, 1);
            std::swap(now, next);
        }
    }
    void pair_up(one_side& side) {
        auto const& around = side.family->around;
        side.open.assign(around.size(), none);
        for (auto const edge : edges_) {
            side.mate[edge] = none;
            meet(side, side.family->innermost[edge], edge);
        }
        for (std::size_t set = 0; set < around.size(); ++set) // those within come before those around
            if (side.open[set] != none && around[set] != none) meet(side, around[set], side.open[set]);
    }
    static void meet(one_side& side, std::uint32_t set, std::uint32_t edge) {
        auto& open = side.open[set];
        if (open == none) {
            open = edge;
            return;
        }
        side.mate[edge] = open;
        side.mate[open] = edge;
        open = none;
    }

    std::span<std::uint32_t> colour_;
    std::uint32_t colours_ = 1;
    one_side sides_[2];
    std::vector<std::vector<std::uint32_t>> of_colour_;
    std::vector<std::uint32_t> edges_;
};

} // namespace chorus
