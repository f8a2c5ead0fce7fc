#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Pairwise reduce-scatter: in step s each rank sends one block to the rank s further on, and receives its own from the
/// rank s back. No step waits for another, but partners come one after the other. The result is in blocks[rank]; the
/// others stay as they are.
///
///   p ranks               any p >= 1, blocks of any lengths
///   rounds                1: p-1 messages that do not wait for each other
///   sent per rank         p-1 blocks, the least possible
///   reduced per rank      p-1 blocks, the least possible
///   operator              associative; operands stay in rank order
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void pairwise_reduce_scatter(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    auto const& mine = blocks[rank];
    // Ranks arrive as rank-1, ..., 0, then p-1, ..., rank+1. The far ones of the latter are summed apart, from the end.
    auto const far = rank + 2 < size ? sink.scratch(mine) : slice_list{};
    for (int step = 1; step < size; ++step) {
        auto const to = mod(rank + step, size), from = mod(rank - step, size);
        sink.send(to, blocks[to]);
        if (from < rank)
            sink.recv_reduce(from, mine, side::left);
        else if (from == rank + 1)
            sink.recv_reduce(from, mine, side::right);
        else if (from == size - 1)
            sink.recv(from, far);
        else
            sink.recv_reduce(from, far, side::left);
    }
    if (!far.empty()) sink.reduce(far, mine, side::right);
}

} // namespace chorus
