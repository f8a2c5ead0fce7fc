#pragma once

#include <chorus/pattern/hypercube.hpp>
#include <chorus/schedule/sink.hpp>

#include <cstddef>
#include <vector>

namespace chorus {

/// Rabenseifner's all-reduce, in place: a reduce-scatter by recursive halving of the vector, then an all-gather by
/// recursive doubling, both along the dimensions of a hypercube. Nearest partners come first, so that what two partners
/// have summed are adjacent intervals of ranks. Off powers of two, as in recursive doubling, the odd ones among the
/// first ranks are folded onto their lower neighbours.
///
///   p ranks, n elements   any p >= 1, any n; q = floor(log2 p)
///   rounds                2 q, and 2 more off powers of two
///   sent per rank         2 n (1 - 1/2^q) elements, and n more off powers of two
///   reduced per rank        n (1 - 1/2^q) elements, and n more off powers of two
///   operator              associative; operands stay in rank order
///
/// Thakur, Rabenseifner, Gropp, International Journal of High Performance Computing Applications 19(1), 2005.
template <schedule_sink Sink>
void rabenseifner_all_reduce(Sink& sink, slice_list const& data) {
    auto const rank = sink.rank();
    auto const cube = folded_hypercube{sink.size()};
    if (cube.is_folded(rank)) {
        sink.send(rank - 1, data);
        sink.recv(rank - 1, data);
        return;
    }
    if (cube.has_folded(rank)) sink.recv_reduce(rank + 1, data);

    // kept[d] is the part that is this rank's before dimension d; there it gives one half of it away.
    std::vector<slice_list> kept{data};
    auto const half = [&](int dimension, bool upper) {
        return kept[static_cast<std::size_t>(dimension)].part(upper ? 1 : 0, 2);
    };
    for (int dimension = 0; dimension < cube.dimensions(); ++dimension) {
        auto const partner = cube.partner(rank, dimension);
        auto const upper = cube.is_upper(rank, dimension);
        sink.send(partner, half(dimension, !upper));
        sink.recv_reduce(partner, half(dimension, upper), partner < rank ? side::left : side::right);
        kept.push_back(half(dimension, upper));
    }
    // Now kept.back() is complete here. Backwards: both halves of kept[d], with dimension d's partner.
    for (int dimension = cube.dimensions() - 1; dimension >= 0; --dimension) {
        auto const partner = cube.partner(rank, dimension);
        auto const upper = cube.is_upper(rank, dimension);
        sink.send(partner, half(dimension, upper));
        sink.recv(partner, half(dimension, !upper));
    }
    if (cube.has_folded(rank)) sink.send(rank + 1, data);
}

} // namespace chorus
