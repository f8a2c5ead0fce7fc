#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <vector>

namespace chorus {

/// Neighbour exchange all-gather: ranks exchange with their neighbours on the two sides in turn, two blocks at a time.
///
///   p ranks, a block each   any p >= 1, any blocks
///   rounds                  ceil(p/2): half as many as the ring, also between neighbours only
///   sent per rank           p-1 blocks for even p, the least possible; for odd p one rank sends 2p-1
///
/// The original is for even p. For odd p the last rank hands its block to the one before it, which takes part for both
/// and passes everything on.
///
/// Chen, Zhang, Zhang, Yuan, HPC Asia 2005.
template <schedule_sink Sink>
void neighbour_exchange_all_gather(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    if (size == 1) return;

    if (size % 2 != 0) {
        auto const last = size - 1, speaker = size - 2;
        if (rank == last) {
            sink.send(speaker, blocks[last]);
            sink.recv(speaker, blocks.range(0, last));
            return;
        }
        if (rank == speaker) sink.recv(last, blocks[last]);
        std::vector<int> even;
        block_list together; // the speaker's block is followed by the last one
        for (int i = 0; i < last; ++i) {
            even.push_back(i);
            together.push_back(blocks.range(i, i == speaker ? 2 : 1));
        }
        auto inner = sink.subset(even);
        neighbour_exchange_all_gather(inner, together);
        if (rank == speaker) sink.send(last, blocks.range(0, last));
        return;
    }

    // Ranks 2m and 2m + 1 are pair m. First they exchange their blocks, then everybody passes on the pair it received
    // last, in turn to the neighbour outside and inside of its pair; at first its own.
    auto const outward = rank % 2 == 0 ? -1 : 1;
    auto const inside = rank - outward, outside = mod(rank + outward, size);
    auto const pair = [&](int m) { return blocks.range(2 * m, 2); };
    sink.send(inside, blocks[rank]);
    sink.recv(inside, blocks[inside]);
    auto newest = rank / 2;
    for (int step = 1; step < size / 2; ++step) {
        auto const out = step % 2 != 0;
        auto const arriving = rank / 2 + (out ? outward : -outward) * ((step + 1) / 2);
        sink.send(out ? outside : inside, pair(newest));
        sink.recv(out ? outside : inside, pair(arriving));
        newest = arriving;
    }
}

} // namespace chorus
