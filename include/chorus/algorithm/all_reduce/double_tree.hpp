#pragma once

#include <chorus/pattern/double_tree.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Double binary tree all-reduce, in place: each half of the vector is reduced up and broadcast down a binary tree of
/// its own. A rank that has two children in one tree is a leaf of the other, so that with long messages cut into
/// segments every rank sends and receives all the time.
///
///   p ranks, n elements   any p >= 1, any n
///   rounds                2 (floor(log2 (p-1)) + 1), and 2 more for even p >= 4
///   sent per rank         at most 2 n elements, in four messages
///   reduced per rank      at most n elements
///   operator              associative; operands stay in rank order
///
/// Sanders, Speck, Träff, Parallel Computing 35, 2009.
template <schedule_sink Sink>
void double_tree_all_reduce(Sink& sink, slice_list const& data) {
    for (int tree = 0; tree < 2; ++tree) {
        auto lane = sink.on_lane(tree);
        auto const half = data.part(tree, 2);
        auto const here = place_in_double_tree(sink.rank(), sink.size(), tree);

        if (here.below >= 0) lane.recv_reduce(here.below, half, side::left);
        if (here.above >= 0) lane.recv_reduce(here.above, half, side::right);
        if (here.parent >= 0) {
            lane.send(here.parent, half);
            lane.recv(here.parent, half);
        }
        for (auto const child : here.children())
            if (child >= 0) lane.send(child, half);
    }
}

} // namespace chorus
