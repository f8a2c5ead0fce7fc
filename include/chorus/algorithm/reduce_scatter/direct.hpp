#pragma once

#include <chorus/algorithm/reduce/direct.hpp>

namespace chorus {

/// Direct reduce-scatter: a direct reduction of each block to its owner, all at once. The result is in blocks[rank];
/// the others stay as they are. Where a rank reads the others' memory directly, all that it folds is read in one pass.
///
///   p ranks               any p >= 1, blocks of any lengths
///   rounds                1
///   sent per rank         p-1 blocks, the least possible, in p-1 messages
///   reduced per rank      p-1 blocks, the least possible
///   operator              associative; operands stay in rank order, ((0 1) 2) ... for every block
///
/// The linear baseline; the first half of two-shot all-reduce.
template <schedule_sink Sink>
void direct_reduce_scatter(Sink& sink, block_list const& blocks) {
    for (int shift = 1; shift <= sink.size(); ++shift) {
        auto const owner = mod(sink.rank() + shift, sink.size());
        direct_reduce(sink, blocks[owner], owner);
    }
}

} // namespace chorus
