#pragma once
/// Hypercube over any number of ranks: the largest power of two of them are its corners, the others are folded onto an
/// adjacent corner. Ranks (0, 1), (2, 3), ... share a corner until the rest is a power of two, so that corners are in
/// rank order and a corner's ranks are contiguous: that is what keeps operand order.
///
///   p = 6    ranks  0 1 | 2 3 | 4 | 5
///            corner   0 |   1 | 2 | 3      rank 1 is folded onto 0, rank 3 onto 2

#include <chorus/pattern/powers.hpp>

namespace chorus {

struct folded_hypercube {
    int size; ///< ranks, at least 1

    constexpr int dimensions() const { return floor_log2(size); }
    constexpr int corners() const { return 1 << dimensions(); }
    /// How many corners stand for two ranks.
    constexpr int pairs() const { return size - corners(); }

    /// Is not a corner: `rank - 1` is, and stands for it.
    constexpr bool is_folded(int rank) const { return rank < 2 * pairs() && rank % 2 == 1; }
    /// Is a corner that stands for `rank + 1` too.
    constexpr bool has_folded(int rank) const { return rank < 2 * pairs() && rank % 2 == 0; }

    constexpr int corner(int rank) const { return rank < 2 * pairs() ? rank / 2 : rank - pairs(); }
    constexpr int rank_at(int corner) const { return corner < pairs() ? 2 * corner : corner + pairs(); }
    /// The corner's neighbour along a dimension, 0 <= dimension < dimensions(). Along low dimensions first, what two
    /// partners have gathered are adjacent intervals of ranks.
    constexpr int partner(int rank, int dimension) const { return rank_at(corner(rank) ^ (1 << dimension)); }
    /// Lies the corner on the upper side of a dimension?
    constexpr bool is_upper(int rank, int dimension) const { return (corner(rank) >> dimension & 1) != 0; }
};

} // namespace chorus
