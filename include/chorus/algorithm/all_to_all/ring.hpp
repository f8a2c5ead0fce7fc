#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <vector>

namespace chorus {

/// Ring all-to-all: blocks are passed from neighbour to neighbour, each the shorter way around.
///
///   p ranks, p blocks each   any p >= 1, any blocks
///   rounds                   floor(p/2)
///   sent per rank            f(f+1)/2 + b(b+1)/2 blocks, f = floor(p/2), b = floor((p-1)/2): about p^2/4
///   scratch per rank         as many blocks, less p-1
///
/// For networks that are rings; elsewhere every block is sent p/4 times for nothing.
///
/// Total exchange on a ring: Saad, Schultz, Parallel Computing 11, 1989.
template <schedule_sink Sink, class Transit>
void ring_all_to_all(Sink& sink, block_list const& outgoing, block_list const& incoming,
                               Transit const& transit) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    struct direction {
        int sign;                        // +1: to higher ranks
        int reach;                       // how far blocks go this way
        std::vector<slice_list> passing; // what is sent next: one rank's blocks, the nearest destination first
    };
    direction ways[] = {{+1, size / 2, {}}, {-1, (size - 1) / 2, {}}};

    sink.copy(outgoing[rank], incoming[rank]);
    for (auto& way : ways)
        for (int distance = 1; distance <= way.reach; ++distance)
            way.passing.push_back(outgoing[rank + way.sign * distance]);

    // In step s the blocks on their way here began s + 1 ranks behind; the first of them has arrived.
    for (int step = 0; step < size / 2; ++step) {
        for (auto& way : ways) {
            if (step >= way.reach) continue;
            auto const source = mod(rank - way.sign * (step + 1), size);
            std::vector<slice_list> arriving{incoming[source]};
            for (int ahead = 1; ahead < way.reach - step; ++ahead)
                arriving.push_back(transit(source, mod(rank + way.sign * ahead, size)));

            sink.send(mod(rank + way.sign, size), block_list(way.passing).all());
            sink.recv(mod(rank - way.sign, size), block_list(arriving).all());
            way.passing.assign(arriving.begin() + 1, arriving.end());
        }
    }
}

} // namespace chorus
