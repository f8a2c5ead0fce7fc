#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Direct gather: everybody sends its block to the root.
///
///   p ranks, a block each   any p >= 1, any root, any blocks
///   rounds                  1; the root receives p-1 messages
///   sent per rank           1 block, the least possible
template <schedule_sink Sink>
void direct_gather(Sink& sink, block_list const& blocks, int root) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    if (rank != root) {
        sink.send(root, blocks[rank]);
        return;
    }
    for (int distance = 1; distance < size; ++distance) sink.recv(mod(root + distance, size), blocks[root + distance]);
}

} // namespace chorus
