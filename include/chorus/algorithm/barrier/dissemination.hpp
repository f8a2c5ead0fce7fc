#pragma once

#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Dissemination barrier: in round k each rank tells the one 2^k further on that it has heard of 2^k ranks.
///
///   p ranks               any p >= 1; tokens are ceil(log2 p) + 1 empty blocks
///   rounds                ceil(log2 p), the fewest possible
///   sent per rank         ceil(log2 p) empty messages
///
/// Hensgen, Finkel, Manber, International Journal of Parallel Programming 17(1), 1988.
template <schedule_sink Sink>
void dissemination_barrier(Sink& sink, block_list const& tokens) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    for (int round = 0; (1 << round) < size; ++round) {
        // No round may overtake the one before: what is sent depends on all that was received so far.
        if (round > 0) sink.copy(tokens[round - 1], tokens[round]);
        sink.send(mod(rank + (1 << round), size), tokens[round]);
        sink.recv(mod(rank - (1 << round), size), tokens[round + 1]);
    }
}

} // namespace chorus
