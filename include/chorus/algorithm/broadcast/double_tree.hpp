#pragma once

#include <chorus/pattern/double_tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Double binary tree broadcast: each half of the data goes down a binary tree of its own. A rank that has two children
/// in one tree is a leaf of the other, so that with long messages cut into segments every rank sends and receives all
/// the time.
///
///   p ranks, n elements   any p >= 1, any n, any root
///   rounds                floor(log2 (p-1)) + 1, and 1 more for even p >= 4
///   sent per rank         at most n elements, in two messages
///
/// Sanders, Speck, Träff, Parallel Computing 35, 2009.
template <schedule_sink Sink>
void double_tree_broadcast(Sink& sink, slice_list const& data, int root) {
    auto const size = sink.size();
    auto const rank_at = [&](int place) { return mod(place + root, size); }; // the trees are rooted in place 0
    for (int tree = 0; tree < 2; ++tree) {
        auto lane = sink.on_lane(tree);
        auto const half = data.part(tree, 2);
        auto const here = place_in_double_tree(mod(sink.rank() - root, size), size, tree);
        if (here.parent >= 0) lane.recv(rank_at(here.parent), half);
        for (auto const child : here.children())
            if (child >= 0) lane.send(rank_at(child), half);
    }
}

} // namespace chorus
