#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/ring.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Ring all-gather: every block travels once around the ring.
///
///   p ranks, a block each   any p >= 1, any blocks (unequal or empty ones too)
///   rounds                  p-1
///   sent per rank           p-1 blocks, the least possible; to one neighbour only
///
/// "Bucket" all-gather in Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007.
template <schedule_sink Sink>
void ring_all_gather(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    auto const [next, prev] = place_on_ring(rank, size);

    // Before step s, blocks rank - s, ..., rank are here.
    for (int step = 0; step < size - 1; ++step) {
        sink.send(next, blocks[rank - step]);
        sink.recv(prev, blocks[rank - step - 1]);
    }
}

} // namespace chorus
