#pragma once
/// Ring: every rank has one neighbour on each side, and the last is a neighbour of the first.

#include <chorus/core/slice.hpp>

namespace chorus {

struct ring_place {
    int next;
    int prev;
};

/// The neighbours of `rank` on the ring of `size` ranks.
constexpr ring_place place_on_ring(int rank, int size) { return {mod(rank + 1, size), mod(rank - 1, size)}; }

} // namespace chorus
