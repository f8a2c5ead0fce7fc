#pragma once

#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Pairwise all-to-all: p-1 steps, in each of which every rank sends to one rank and receives from one.
///
///   p ranks, p blocks each   any p >= 1, any blocks
///   rounds                   1 of p-1 messages, posted pair by pair; none waits for another
///   sent per rank            p-1 blocks, the least possible
///
/// On powers of two the partners of a step exchange with each other; otherwise the step is a shift.
///
/// Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void pairwise_all_to_all(Sink& sink, block_list const& outgoing, block_list const& incoming) {
    auto const rank = sink.rank();
    auto const size = sink.size();
    auto const pairs = (size & (size - 1)) == 0;

    sink.copy(outgoing[rank], incoming[rank]);
    for (int step = 1; step < size; ++step) {
        auto const to = pairs ? rank ^ step : mod(rank + step, size);
        auto const from = pairs ? rank ^ step : mod(rank - step, size);
        sink.send(to, outgoing[to]);
        sink.recv(from, incoming[from]);
    }
}

} // namespace chorus
