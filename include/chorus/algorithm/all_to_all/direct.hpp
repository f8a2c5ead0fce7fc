#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Direct all-to-all: all receives are posted, then all sends; the transport sorts it out.
///
///   p ranks, p blocks each   any p >= 1, any blocks
///   rounds                   1, of p-1 messages that do not wait for each other
///   sent per rank            p-1 blocks, the least possible
///
/// Others call it linear or spread-out.
template <schedule_sink Sink>
void direct_all_to_all(Sink& sink, block_list const& outgoing, block_list const& incoming) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    for (int distance = 1; distance < size; ++distance) {
        auto const from = mod(rank - distance, size);
        sink.recv(from, incoming[from]);
    }
    // Each begins with its own neighbour, so that nobody is everybody's first.
    for (int distance = 1; distance < size; ++distance) {
        auto const to = mod(rank + distance, size);
        sink.send(to, outgoing[to]);
    }
    sink.copy(outgoing[rank], incoming[rank]);
}

} // namespace chorus
