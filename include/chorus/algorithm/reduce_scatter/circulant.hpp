#pragma once

#include <chorus/pattern/circulant.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Circulant reduce-scatter: the blocks that a rank still holds, counted from its own, are halved in every round; the
/// far half goes to the rank that is as far on. Rounds, data sent and data reduced are all the least possible, for any
/// p. The result is in blocks[rank]; the other blocks are clobbered.
///
///   p ranks               any p >= 1, blocks of any lengths
///   rounds                at most ceil(log2 p)
///   sent per rank         p-1 blocks
///   reduced per rank      p-1 blocks
///   operator              associative and commutative; blocks are summed in different orders
///
/// Träff, arXiv 2410.14234.
template <schedule_sink Sink>
void circulant_reduce_scatter(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    for (auto const& round : circulant_rounds(size)) {
        // Blocks rank .. rank + width - 1 here sum all that this rank will ever be sent of them so far.
        sink.send(mod(rank + round.skip, size), blocks.range(rank + round.skip, round.count()));
        sink.recv_reduce(mod(rank - round.skip, size), blocks.range(rank, round.count()));
    }
}

} // namespace chorus
