#pragma once

#include <chorus/algorithm/all_gather/direct.hpp>
#include <chorus/algorithm/reduce_scatter/direct.hpp>

namespace chorus {

/// Two-shot all-reduce, in place: rank i folds part i of all vectors in one pass, in rank order, and sends the result
/// to everybody. Where a rank reads the others' memory directly, no algorithm moves fewer bytes.
///
///   p ranks, n elements   any p >= 1, any n (parts may be empty)
///   rounds                2
///   sent per rank         2 n (p-1)/p elements, the least possible, in 2 (p-1) messages
///   reduced per rank        n (p-1)/p elements, the least possible
///   operator              associative; operands stay in rank order, ((0 1) 2) ... as in one-shot
///
/// Known as two-shot from libraries for GPUs (TensorRT-LLM, FlashInfer).
template <schedule_sink Sink>
void two_shot_all_reduce(Sink& sink, slice_list const& data) {
    auto const parts = block_list::parts(data, sink.size());
    direct_reduce_scatter(sink, parts);
    direct_all_gather(sink, parts);
}

} // namespace chorus
