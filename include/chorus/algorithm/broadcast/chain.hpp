#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Chain broadcast: every rank passes the data on to the next one. A pipeline: where long messages are cut into
/// segments, a rank sends one segment while the next arrives.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                p-1; k segments take p-2+k rounds of 1/k the size
///   sent per rank         n elements, the least possible: best for large n and few ranks
///
/// The linear pipeline; Sanders, Speck, Träff, Parallel Computing 35, 2009, compare it with trees.
template <schedule_sink Sink>
void chain_broadcast(Sink& sink, slice_list const& data, int root) {
    auto const size = sink.size();
    auto const distance = mod(sink.rank() - root, size);
    if (distance > 0) sink.recv(mod(sink.rank() - 1, size), data);
    if (distance < size - 1) sink.send(mod(sink.rank() + 1, size), data);
}

} // namespace chorus
