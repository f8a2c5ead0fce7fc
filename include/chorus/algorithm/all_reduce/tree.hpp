#pragma once

#include <chorus/algorithm/broadcast/binomial.hpp>
#include <chorus/algorithm/reduce/binomial.hpp>

namespace chorus {

/// Tree all-reduce, in place: reduced up a binomial tree to rank 0, broadcast down the same tree.
///
///   p ranks, n elements   any p >= 1, any n
///   rounds                2 floor(log2 p)
///   sent per rank         n ceil(log2 p) elements at rank 0, which sends most
///   reduced per rank      n ceil(log2 p) elements at rank 0
///   operator              associative; operands stay in rank order
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void tree_all_reduce(Sink& sink, slice_list const& data) {
    binomial_reduce(sink, data, 0);
    binomial_broadcast(sink, data, 0);
}

} // namespace chorus
