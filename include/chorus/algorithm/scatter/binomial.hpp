#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Binomial scatter: every subtree receives its blocks in one message and hands them down.
///
///   p ranks, p blocks at the root   any p >= 1, any root, any blocks
///   rounds                          ceil(log2 p), the least possible
///   sent by the root                p-1 blocks, the least possible, in ceil(log2 p) messages
///
/// On a minimum spanning tree: Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007.
template <schedule_sink Sink>
void binomial_scatter(Sink& sink, block_list const& blocks, int root) {
    auto const here = place_in_tree(sink.rank(), sink.size(), root);

    if (here.parent >= 0) sink.recv(here.parent, blocks.range(here.begin, here.end - here.begin));
    // The largest subtree first: it has the longest way to go.
    for (auto child = here.children.rbegin(); child != here.children.rend(); ++child)
        sink.send(child->rank, blocks.range(child->begin, child->size()));
}

} // namespace chorus
