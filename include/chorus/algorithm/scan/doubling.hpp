#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Inclusive scan by doubling, in place: rank r gets the sum of ranks 0..r.
///
///   p ranks, n elements   any p >= 1, any n
///   rounds                floor(log2 p) messages that wait for each other, in ceil(log2 p) steps
///   sent per rank         n ceil(log2 p) elements, at most
///   reduced per rank      n ceil(log2 p) elements, at most
///   operator              associative; operands stay in rank order
///
/// Hillis, Steele, Communications of the ACM 29(12), 1986.
template <schedule_sink Sink>
void doubling_scan(Sink& sink, slice_list const& data) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    // Before each round, data sums the last `distance` ranks up to this one, or all there are.
    for (int distance = 1; distance < size; distance *= 2) {
        if (rank + distance < size) sink.send(rank + distance, data);
        if (rank - distance >= 0) sink.recv_reduce(rank - distance, data, side::left);
    }
}

} // namespace chorus
