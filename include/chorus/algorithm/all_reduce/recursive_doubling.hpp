#pragma once

#include <chorus/pattern/hypercube.hpp>
#include <chorus/schedule/sink.hpp>

namespace chorus {

/// Recursive doubling all-reduce, in place: partners along each dimension of a hypercube exchange all they have.
/// Where p is no power of two, the odd ones among the first ranks are folded onto their lower neighbours before, and
/// told the result after.
///
///   p ranks, n elements   any p >= 1, any n
///   rounds                log2 p for powers of two, the fewest possible; up to 2 more otherwise
///   sent per rank         n log2 p elements, or n (floor(log2 p) + 1): best for small n
///   reduced per rank      the same
///   operator              associative; operands stay in rank order
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void recursive_doubling_all_reduce(Sink& sink, slice_list const& data) {
    auto const rank = sink.rank();
    auto const cube = folded_hypercube{sink.size()};
    if (cube.is_folded(rank)) {
        sink.send(rank - 1, data);
        sink.recv(rank - 1, data);
        return;
    }
    if (cube.has_folded(rank)) sink.recv_reduce(rank + 1, data);

    // After dimension d, data sums the 2^(d+1) corners around this one: an interval of ranks.
    for (int dimension = 0; dimension < cube.dimensions(); ++dimension) {
        auto const partner = cube.partner(rank, dimension);
        sink.send(partner, data);
        sink.recv_reduce(partner, data, partner < rank ? side::left : side::right);
    }
    if (cube.has_folded(rank)) sink.send(rank + 1, data);
}

} // namespace chorus
