#pragma once

#include <chorus/pattern/tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Binomial reduce: sums travel up a binomial tree to the root. `data` is clobbered off the root.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                at most ceil(log2 p), the fewest possible
///   sent per rank         n elements
///   reduced per rank      n ceil(log2 p) elements at the root, at most
///   operator              associative; operands stay in rank order for every root, because subtrees are intervals
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void binomial_reduce(Sink& sink, slice_list const& data, int root) {
    auto const here = place_in_tree(sink.rank(), sink.size(), root);
    // Nearest subtrees first: data always sums an interval of ranks, and the next one is adjacent to it.
    for (auto const& child : here.children)
        sink.recv_reduce(child.rank, data, child.rank < sink.rank() ? side::left : side::right);
    if (here.parent >= 0) sink.send(here.parent, data);
}

} // namespace chorus
