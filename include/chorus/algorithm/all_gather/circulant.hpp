#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Circulant all-gather: the circulant reduce-scatter backwards, with skips that double as evenly as p allows.
///
///   p ranks, a block each   any p >= 1, any blocks
///   rounds                  ceil(log2 p), the least possible
///   sent per rank           p-1 blocks, the least possible
///
/// Like Bruck's, but its rounds are of more equal size: the largest carries floor(p/2) blocks for any p.
///
/// Träff, arXiv 2410.14234.
template <schedule_sink Sink>
void circulant_all_gather(Sink& sink, block_list const& blocks) {
    auto const rank = sink.rank();
    auto const size = sink.size();

    // Before a round blocks rank, ..., rank + skip - 1 are here, after it as many as `width`.
    auto const rounds = circulant_rounds(size);
    for (auto round = rounds.rbegin(); round != rounds.rend(); ++round) {
        sink.send(mod(rank - round->skip, size), blocks.range(rank, round->count()));
        sink.recv(mod(rank + round->skip, size), blocks.range(rank + round->skip, round->count()));
    }
}

} // namespace chorus
