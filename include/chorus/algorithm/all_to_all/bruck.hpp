#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/bruck.hpp>
#include <chorus/schedule/sink.hpp>

#include <cstddef>
#include <vector>

namespace chorus {

/// Bruck's all-to-all: a block that has to go `distance` ranks further goes there digit by digit, in base `radix`;
/// blocks with the same digit travel together.
///
///   p ranks, p blocks each   any p >= 1, any blocks, any radix r >= 2
///   rounds                   at most ceil(log_r p), of up to r-1 messages that do not wait for each other
///   sent per rank            as many blocks as the numbers 1 to p-1 have digits other than 0: about p/2 log2 p for
///                            r = 2, p-1 for r >= p
///   scratch per rank         as many blocks, less p-1
///
/// The original rotates its buffers before and after; lists of slices do without.
///
/// "Index" in Bruck, Ho, Kipnis, Upfal, Weathersby, IEEE Trans. Parallel Distrib. Syst. 8(11), 1997.
template <schedule_sink Sink, class Transit>
void bruck_all_to_all(Sink& sink, block_list const& outgoing, block_list const& incoming,
                                Transit const& transit, int radix = 2) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    // held[d]: the block here that sets, or has set, out for d ranks further. The digits before this round's are done.
    std::vector<slice_list> held;
    for (int distance = 0; distance < size; ++distance) held.push_back(outgoing[rank + distance]);

    sink.copy(outgoing[rank], incoming[rank]);
    for (auto const& round : bruck_rounds(size, radix)) {
        slice_list leaving, arriving;
        for (auto const distance : moving_in(round, size, radix)) {
            auto const travelled = distance % round.weight + round.distance;
            auto const source = mod(rank - travelled, size);
            auto& block = held[static_cast<std::size_t>(distance)];
            leaving += block;
            block = travelled == distance ? incoming[source] : transit(source, mod(source + distance, size));
            arriving += block;
        }
        sink.send(mod(rank + round.distance, size), leaving);
        sink.recv(mod(rank - round.distance, size), arriving);
    }
}

} // namespace chorus
