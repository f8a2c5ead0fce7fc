#pragma once

#include <chorus/algorithm/all_gather/circulant.hpp>
#include <chorus/algorithm/reduce_scatter/circulant.hpp>

namespace chorus {

/// Circulant all-reduce, in place: Träff's reduce-scatter, then the all-gather that is the same backwards.
///
///   p ranks, n elements   any p >= 1, any n (parts may be empty)
///   rounds                at most 2 ceil(log2 p)
///   sent per rank         2 n (p-1)/p elements, the least possible
///   reduced per rank        n (p-1)/p elements, the least possible
///   operator              associative and commutative; parts are summed in different orders
///
/// Träff, arXiv 2410.14234.
template <schedule_sink Sink>
void circulant_all_reduce(Sink& sink, slice_list const& data) {
    auto const parts = block_list::parts(data, sink.size());
    circulant_reduce_scatter(sink, parts);
    circulant_all_gather(sink, parts);
}

} // namespace chorus
