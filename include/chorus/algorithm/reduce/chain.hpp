#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Chain reduce: sums travel from both ends of the row of ranks towards the root, one rank at a time. A pipeline: where
/// long messages are cut into segments, all links are busy at once. `data` is clobbered off the root.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                the distance of the farther end, at most p-1; k segments take k-1 more of 1/k the size
///   sent per rank         n elements, the least possible
///   reduced per rank      n elements, 2 n at a root between two neighbours
///   operator              associative; operands stay in rank order for every root
///
/// The linear pipeline, run from both ends.
template <schedule_sink Sink>
void chain_reduce(Sink& sink, slice_list const& data, int root) {
    auto const rank = sink.rank();
    if (rank > 0 && rank <= root) sink.recv_reduce(rank - 1, data, side::left);
    if (rank < sink.size() - 1 && rank >= root) sink.recv_reduce(rank + 1, data, side::right);
    if (rank != root) sink.send(rank < root ? rank + 1 : rank - 1, data);
}

} // namespace chorus
