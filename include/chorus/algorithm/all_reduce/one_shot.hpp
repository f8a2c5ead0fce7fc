#pragma once

#include <chorus/algorithm/reduce/direct.hpp>

namespace chorus {

/// One-shot all-reduce, in place: everybody sends everything to everybody, and all compute the same sum, in rank order.
/// One round, and p times the work: for vectors so small that only the round counts, above all where a rank reads the
/// others' memory directly.
///
///   p ranks, n elements   any p >= 1, any n
///   rounds                1
///   sent per rank         n (p-1) elements, in p-1 messages
///   reduced per rank      n (p-1) elements
///   operator              associative; operands stay in rank order, ((0 1) 2) ... at every rank
///
/// Known as one-shot from libraries for GPUs (TensorRT-LLM, FlashInfer); on message passing, the linear baseline.
template <schedule_sink Sink>
void one_shot_all_reduce(Sink& sink, slice_list const& data) {
    // One's own reduction comes last: until then, data is what the others are sent.
    for (int shift = 1; shift <= sink.size(); ++shift) direct_reduce(sink, data, mod(sink.rank() + shift, sink.size()));
}

} // namespace chorus
