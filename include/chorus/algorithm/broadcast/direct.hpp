#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Direct broadcast: the root sends to everybody. Best where ranks share processors, since a round is a change of process there, and where
/// messages are read in place: the readers do the work, all at once.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                1 of p-1 messages
///   sent per rank         n (p-1) elements by the root
template <schedule_sink Sink>
void direct_broadcast(Sink& sink, slice_list const& data, int root) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    if (rank != root) return sink.recv(root, data);
    for (int distance = 1; distance < size; ++distance) sink.send(mod(root + distance, size), data);
}

} // namespace chorus
