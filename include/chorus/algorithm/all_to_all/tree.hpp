#pragma once

#include <chorus/algorithm/all_to_all/parcels.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/pattern/tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Tree all-to-all: up a binomial tree goes all that leaves a subtree, down it all that enters one, each in one
/// message.
///
///   p ranks, p blocks each   any p >= 1, any blocks
///   rounds                   at most 2 ceil(log2 p) - 1
///   sent per rank            up to s (p-s) blocks summed over the root's subtrees of s ranks, (p-1)(2p-1)/3 on powers
///                            of two, by the root: for very small blocks
///   scratch per rank         up to as many blocks, at the root
///
/// Personalised communication along spanning binomial trees: Johnsson, Ho, IEEE Trans. Computers 38(9), 1989; here one
/// tree serves all ranks.
template <schedule_sink Sink, class Transit>
void tree_all_to_all(Sink& sink, block_list const& outgoing, block_list const& incoming,
                               Transit const& transit) {
    auto const size = sink.size();
    auto const here = place_in_tree(sink.rank(), size, 0);
    auto block = detail::parcels(sink.rank(), outgoing, incoming, transit);

    // What leaves (or enters) the subtree [begin, end) of ranks.
    auto const crossing = [&](int begin, int end, bool leaves) {
        slice_list message;
        for (int inside = begin; inside < end; ++inside)
            for (int other = end; other < begin + size; ++other)
                message += leaves ? block(inside, mod(other, size)) : block(mod(other, size), inside);
        return message;
    };

    sink.copy(outgoing[sink.rank()], incoming[sink.rank()]);
    for (auto const& child : here.children) sink.recv(child.rank, crossing(child.begin, child.end, true));
    if (here.parent >= 0) {
        sink.send(here.parent, crossing(here.begin, here.end, true));
        sink.recv(here.parent, crossing(here.begin, here.end, false));
    }
    for (auto child = here.children.rbegin(); child != here.children.rend(); ++child)
        sink.send(child->rank, crossing(child->begin, child->end, false));
}

} // namespace chorus
