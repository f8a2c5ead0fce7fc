#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Tree all-gather: gathers up a binomial tree and broadcasts down it. A child is only sent what it does not have yet.
///
///   p ranks, a block each   any p >= 1, any blocks
///   rounds                  at most 2 ceil(log2 p) - 1
///   sent per rank           up to p (ceil(log2 p) - 1) + 1 blocks: for small blocks
///
/// Gather and broadcast on minimum spanning trees: Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat.
/// 19(13), 2007.
template <schedule_sink Sink>
void tree_all_gather(Sink& sink, block_list const& blocks) {
    auto const size = sink.size();
    auto const here = place_in_tree(sink.rank(), size, 0);
    auto const own = blocks.range(here.begin, here.end - here.begin);
    auto const others = blocks.range(here.end, size - (here.end - here.begin));

    for (auto const& child : here.children) sink.recv(child.rank, blocks.range(child.begin, child.size()));
    if (here.parent >= 0) {
        sink.send(here.parent, own);
        sink.recv(here.parent, others);
    }
    for (auto child = here.children.rbegin(); child != here.children.rend(); ++child)
        sink.send(child->rank, blocks.range(child->end, size - child->size()));
}

} // namespace chorus
