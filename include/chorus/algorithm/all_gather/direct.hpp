#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Direct all-gather: everybody sends its block to everybody, all at once.
///
///   p ranks, a block each   any p >= 1, any blocks
///   rounds                  1, of p-1 messages that do not wait for each other
///   sent per rank           p-1 blocks, the least possible
///
/// Where ranks read each other's memory this is one pass over it. Others call it linear or spread-out.
template <schedule_sink Sink>
void direct_all_gather(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    // Each begins with its own neighbour, so that nobody is everybody's first.
    for (int distance = 1; distance < size; ++distance) {
        sink.send(mod(rank + distance, size), blocks[rank]);
        sink.recv(mod(rank - distance, size), blocks[rank - distance]);
    }
}

} // namespace chorus
