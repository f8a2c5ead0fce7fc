#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Direct reduce: everybody sends to the root, which folds in rank order. `data` stays as it is off the root.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                1
///   sent per rank         n elements
///   reduced per rank      n (p-1) elements at the root
///   operator              associative; operands stay in rank order, ((0 1) 2) ... for every root
///
/// The linear baseline.
template <schedule_sink Sink>
void direct_reduce(Sink& sink, slice_list const& data, int root) {
    if (sink.rank() != root) {
        sink.send(root, data);
        return;
    }
    if (root == 1) {
        sink.recv_reduce(0, data, side::left);
    } else if (root > 1) { // the lower ranks among themselves first, so that the sum does not depend on the root
        auto const lower = sink.scratch(data);
        sink.recv(0, lower);
        for (int peer = 1; peer < root; ++peer) sink.recv_reduce(peer, lower);
        sink.reduce(lower, data, side::left);
    }
    for (int peer = root + 1; peer < sink.size(); ++peer) sink.recv_reduce(peer, data);
}

} // namespace chorus
