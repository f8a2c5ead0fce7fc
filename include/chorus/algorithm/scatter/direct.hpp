#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Direct scatter: the root sends everybody its block.
///
///   p ranks, p blocks at the root   any p >= 1, any root, any blocks
///   rounds                          1, of p-1 messages that do not wait for each other
///   sent by the root                p-1 blocks, the least possible
template <schedule_sink Sink>
void direct_scatter(Sink& sink, block_list const& blocks, int root) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    if (rank != root) {
        sink.recv(root, blocks[rank]);
        return;
    }
    for (int distance = 1; distance < size; ++distance) sink.send(mod(root + distance, size), blocks[root + distance]);
}

} // namespace chorus
