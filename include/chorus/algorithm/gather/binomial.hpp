#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Binomial gather: subtrees collect their blocks and send them up in one message.
///
///   p ranks, a block each   any p >= 1, any root, any blocks
///   rounds                  ceil(log2 p), the least possible
///   sent per rank           its subtree's blocks: at most 2^(ceil(log2 p) - 1)
///
/// On a minimum spanning tree: Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007.
template <schedule_sink Sink>
void binomial_gather(Sink& sink, block_list const& blocks, int root) {
    auto const here = place_in_tree(sink.rank(), sink.size(), root);

    for (auto const& child : here.children) sink.recv(child.rank, blocks.range(child.begin, child.size()));
    if (here.parent >= 0) sink.send(here.parent, blocks.range(here.begin, here.end - here.begin));
}

} // namespace chorus
