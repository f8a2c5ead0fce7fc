#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Exclusive scan by doubling: rank r gets the sum of ranks 0..r-1 in `result`. Rank 0's result is left alone, `data`
/// is clobbered. Distances are 1, 2, 3, 6, 12, ...: one round less than a shift followed by a scan, for many p.
///
///   p ranks, n elements   any p >= 1, any n
///   rounds                at most ceil(log2(p-1) + log2(4/3)), for p > 2
///   sent per rank         n elements in each round, at most
///   reduced per rank      n elements in each round but the first, and n more once
///   operator              associative; operands stay in rank order
///
/// Träff, arXiv 2507.04785.
template <schedule_sink Sink>
void doubling_exclusive_scan(Sink& sink, slice_list const& data, slice_list const& result) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    if (rank + 1 < size) sink.send(rank + 1, data);
    if (rank >= 1) sink.recv(rank - 1, result);

    // Result is rank-1's vector. With one's own on its right it reaches further, once.
    if (rank + 2 < size) {
        if (rank >= 1) sink.reduce(result, data, side::left);
        sink.send(rank + 2, data);
    }
    if (rank >= 2) sink.recv_reduce(rank - 2, result, side::left);

    // Before each round, result sums the last `distance` ranks before this one, or all there are. Rank 0 has none.
    for (int distance = 3; distance < size - 1; distance *= 2) {
        if (rank >= 1 && rank + distance < size) sink.send(rank + distance, result);
        if (rank - distance >= 1) sink.recv_reduce(rank - distance, result, side::left);
    }
}

} // namespace chorus
