#pragma once
/// Double binary tree: two binary trees over the same ranks, such that no rank but the root has two children in both.
/// Each carries half of the data, so that every rank sends and receives about as much as it can.
///
/// Rank 0 is the root of both. Ranks 1..m, m = p - 1, form an in-order binary tree: u is a leaf if it is odd, and
/// otherwise stands between what is below and what is above it. The second tree is the first in mirror image (m even),
/// or the first moved up by one rank, with rank 1 between it and the root (m odd): either way odd ranks are inner and
/// even ranks are leaves. Both trees are in order: a subtree's ranks are an interval, with its root in between.
///
/// Sanders, Speck, Träff, Parallel Computing 35, 2009.

#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {

struct binary_place {
    int parent = -1; ///< -1 at the root
    int below = -1;  ///< the child whose subtree holds the next lower ranks, or -1
    int above = -1;  ///< the child whose subtree holds the next higher ranks, or -1

    /// `below` and `above`; either may be -1.
    constexpr std::array<int, 2> children() const { return {below, above}; }
    friend constexpr bool operator==(binary_place const&, binary_place const&) = default;
};

namespace detail {

/// In-order binary tree over positions 1..count. The topmost has parent 0.
constexpr binary_place place_in_order(int at, int count) {
    auto const level = at & -at; // lowest bit set: 1 at a leaf
    binary_place here;
    here.parent = (at ^ level) | (level << 1);
    if (here.parent > count) here.parent = at ^ level;
    if (level > 1) here.below = at - level / 2;
    for (auto step = level / 2; step > 0 && here.above < 0; step /= 2)
        if (at + step <= count) here.above = at + step;
    return here;
}

/// The topmost position of that tree.
constexpr int top_of_order(int count) { return 1 << floor_log2(count); }

} // namespace detail

/// Where `rank` stands in tree 0 or 1 over `size` ranks. Preconditions: 0 <= rank < size, tree is 0 or 1.
constexpr binary_place place_in_double_tree(int rank, int size, int tree) {
    auto const others = size - 1;
    auto const mirrored = tree == 1 && others % 2 == 0;
    auto const shifted = tree == 1 && others % 2 == 1;
    if (others == 0) return {};
    auto const count = shifted ? others - 1 : others; // positions 1..count
    auto const rank_at = [&](int at) { return at < 0 ? -1 : mirrored ? size - at : shifted ? at + 1 : at; };

    if (rank == 0) return {-1, -1, shifted ? 1 : rank_at(detail::top_of_order(count))};
    if (shifted && rank == 1) return {0, -1, count == 0 ? -1 : rank_at(detail::top_of_order(count))};
    auto const position = mirrored ? size - rank : shifted ? rank - 1 : rank;
    auto const at = detail::place_in_order(position, count);
    auto const parent = at.parent > 0 ? rank_at(at.parent) : shifted ? 1 : 0;
    return mirrored ? binary_place{parent, rank_at(at.above), rank_at(at.below)}
                    : binary_place{parent, rank_at(at.below), rank_at(at.above)};
}

/// The most messages on a path from the root to a leaf, in either tree.
constexpr int depth_of_double_tree(int size) {
    auto const others = size - 1;
    if (others <= 1) return others;
    return 1 + floor_log2(others) + others % 2;
}

} // namespace chorus
