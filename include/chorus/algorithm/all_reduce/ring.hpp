#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Ring all-reduce, in place: a reduce-scatter around the ring, then an all-gather around it.
///
///   p ranks, n elements   any p >= 1, any n (parts may be empty)
///   rounds                2 (p-1)
///   sent per rank         2 n (p-1)/p elements, the least possible: best for large n
///   reduced per rank        n (p-1)/p elements, the least possible
///   operator              associative and commutative; parts are summed in different orders
///
/// Patarasuk, Yuan, Journal of Parallel and Distributed Computing 69(2), 2009.
template <schedule_sink Sink>
void ring_all_reduce(Sink& sink, slice_list const& data) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    auto const next = mod(rank + 1, size);
    auto const prev = mod(rank - 1, size);
    auto const part = [&](int i) { return data.part(i, size); };

    // Reduce-scatter. After step s, part(rank - s - 1) here sums s + 2 ranks.
    for (int step = 0; step < size - 1; ++step) {
        sink.send(next, part(rank - step));
        sink.recv_reduce(prev, part(rank - step - 1));
    }
    // Now part(rank + 1) is complete here. All-gather: pass complete parts on.
    for (int step = 0; step < size - 1; ++step) {
        sink.send(next, part(rank + 1 - step));
        sink.recv(prev, part(rank - step));
    }
}

} // namespace chorus
