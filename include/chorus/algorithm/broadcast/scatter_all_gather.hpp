#pragma once

#include <chorus/algorithm/all_gather/circulant.hpp>
#include <chorus/algorithm/scatter/binomial.hpp>

namespace chorus {

/// Broadcast by scatter and all-gather, after van de Geijn: each rank gets one part, then all exchange their parts.
///
///   p ranks, n elements   any p >= 1, any n (parts may be empty), any root
///   rounds                at most 2 ceil(log2 p)
///   sent per rank         at most 2 n (p-1)/p elements, whatever p: for large n
///
/// Barnett, Shuler, van de Geijn, Gupta, Payne, Watts, Scalable High-Performance Computing Conference, 1994.
template <schedule_sink Sink>
void scatter_all_gather_broadcast(Sink& sink, slice_list const& data, int root) {
    auto const parts = block_list::parts(data, sink.size());
    binomial_scatter(sink, parts, root);
    circulant_all_gather(sink, parts);
}

} // namespace chorus
