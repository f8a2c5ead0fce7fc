#pragma once

#include <chorus/pattern/tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Binomial broadcast: the number of ranks that have the data doubles in every round.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                at most ceil(log2 p), the fewest possible
///   sent per rank         n ceil(log2 p) elements at the root, at most: best for small n
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void binomial_broadcast(Sink& sink, slice_list const& data, int root) {
    auto const here = place_in_tree(sink.rank(), sink.size(), root);
    if (here.parent >= 0) sink.recv(here.parent, data);
    // Largest subtrees first: they have the longest way to go.
    for (auto child = here.children.rbegin(); child != here.children.rend(); ++child) sink.send(child->rank, data);
}

} // namespace chorus
