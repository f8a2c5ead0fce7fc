#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/hypercube.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Recursive doubling all-gather: partners at distance 1, 2, 4, ... exchange all that they have gathered so far.
///
///   p ranks, a block each   any p >= 1, any blocks
///   rounds                  log2 p on powers of two, the least possible; otherwise at most floor(log2 p) + 2
///   sent per rank           p-1 blocks on powers of two, the least possible; otherwise up to 2(p-1)
///
/// Off powers of two some ranks hand their block to a neighbour, which takes part for both and passes everything on.
///
/// Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void recursive_doubling_all_gather(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    auto const cube = folded_hypercube{size};

    if (cube.is_folded(rank)) {
        sink.send(rank - 1, blocks[rank]);
        sink.recv(rank - 1, blocks.range(rank + 1, size - 1));
        return;
    }
    if (cube.has_folded(rank)) sink.recv(rank + 1, blocks[rank + 1]);

    // Before each exchange a corner holds the blocks of the corners that differ from it in lower dimensions only.
    for (int dimension = 0; dimension < cube.dimensions(); ++dimension) {
        auto const gathered = [&](int by) {
            auto const corner = cube.corner(by) >> dimension << dimension;
            auto const first = cube.rank_at(corner), last = cube.rank_at(corner + (1 << dimension));
            return blocks.range(first, last - first);
        };
        auto const partner = cube.partner(rank, dimension);
        sink.send(partner, gathered(rank));
        sink.recv(partner, gathered(partner));
    }
    if (cube.has_folded(rank)) sink.send(rank + 1, blocks.range(rank + 2, size - 1));
}

} // namespace chorus
