#pragma once

#include <chorus/pattern/halving.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Recursive halving reduce-scatter: the ranks split into halves, each rank gives away the blocks of the other half,
/// and both halves go on by themselves. Off powers of two the halves differ by one rank. The result is in blocks[rank];
/// the other blocks are clobbered.
///
///   p ranks               any p >= 1, blocks of any lengths
///   rounds                at most ceil(log2 p)
///   sent per rank         p-1 blocks, the least possible
///   reduced per rank      p-1 blocks for powers of two; less than 2 (p-1) otherwise
///   operator              associative and commutative: distant ranks are summed first
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005, for
/// powers of two.
template <schedule_sink Sink>
void recursive_halving_reduce_scatter(Sink& sink, block_list const& blocks) {
    for (auto const& round : halving_rounds(sink.rank(), sink.size())) {
        sink.send(round.to, blocks.range(round.give_begin, round.given()));
        for (auto const peer : round.from) sink.recv_reduce(peer, blocks.range(round.keep_begin, round.kept()));
    }
}

} // namespace chorus
