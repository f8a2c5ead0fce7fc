#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <algorithm>

namespace chorus {

/// Bruck's all-gather: what is here doubles in every round, also off powers of two.
///
///   p ranks, a block each   any p >= 1, any blocks
///   rounds                  ceil(log2 p), the least possible
///   sent per rank           p-1 blocks, the least possible
///
/// The original rotates its buffer at the end; lists of slices put every block where it belongs at once. A last round
/// that passes on few blocks need not wait for all rounds before it: the longest chain can be one or more shorter.
///
/// "Concatenation" in Bruck, Ho, Kipnis, Upfal, Weathersby, IEEE Trans. Parallel Distrib. Syst. 8(11), 1997.
template <schedule_sink Sink>
void bruck_all_gather(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    // `here` blocks are here: rank, rank + 1, ..., rank + here - 1.
    for (int here = 1; here < size; here *= 2) {
        auto const count = std::min(here, size - here);
        sink.send(mod(rank - here, size), blocks.range(rank, count));
        sink.recv(mod(rank + here, size), blocks.range(rank + here, count));
    }
}

} // namespace chorus
