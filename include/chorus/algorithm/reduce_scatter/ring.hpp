#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Ring reduce-scatter: each block travels once around the ring, summed on its way, and ends at its owner. The result
/// is in blocks[rank]; the other blocks are clobbered.
///
///   p ranks               any p >= 1, blocks of any lengths
///   rounds                p-1
///   sent per rank         p-1 blocks, the least possible
///   reduced per rank      p-1 blocks, the least possible
///   operator              associative and commutative; blocks are summed in different orders
///
/// Patarasuk, Yuan, Journal of Parallel and Distributed Computing 69(2), 2009: its first half.
template <schedule_sink Sink>
void ring_reduce_scatter(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    // After step s, block rank - s - 2 here sums s + 2 ranks.
    for (int step = 0; step < size - 1; ++step) {
        sink.send(mod(rank + 1, size), blocks[rank - step - 1]);
        sink.recv_reduce(mod(rank - 1, size), blocks[rank - step - 2]);
    }
}

} // namespace chorus
