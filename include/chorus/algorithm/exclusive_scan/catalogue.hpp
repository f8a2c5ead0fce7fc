#pragma once
/// The algorithms of exclusive_scan. Costs are in vectors of n elements.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/exclusive_scan/doubling.hpp>

#include <algorithm>
#include <array>

namespace chorus {

namespace detail {

/// Distances are 1, 2, 3, 6, 12, ...; rank 1 sends over all that fit, rank 0 over the first two.
constexpr cost_terms doubling_exclusive_scan_cost(int p) {
    cost_terms most;
    for (int reach = 1; reach < p; reach = reach == 1 ? 3 : 2 * reach) ++most.rounds; // 1, 3, 6, 12: sums of distances
    most.messages = std::min(p - 1, 2);
    double far = 0; // distances 3, 6, ... that somebody sends over
    for (int distance = 3; distance < p - 1; distance *= 2) ++far;
    if (p > 3) most.messages = 2 + far;
    most.sent = most.messages;
    for (int rank = 1; rank < p; ++rank) {
        double reduced = (rank + 2 < p ? 1 : 0) + (rank >= 2 ? 1 : 0);
        for (int distance = 3; distance < rank; distance *= 2) ++reduced;
        most.reduced = std::max(most.reduced, reduced);
    }
    return most;
}

} // namespace detail

template <class Lazy>
struct catalogue<collective::exclusive_scan, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::exclusive_scan,
                .name = "doubling",
                .cost = "ceil(log2(p-1) + log2(4/3)) rounds, n sent and reduced in each",
                .source = "Träff, arXiv 2507.04785",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { doubling_exclusive_scan(sink, args.data, args.result); },
                .formula = [](int p, choice const&) -> cost_terms { return detail::doubling_exclusive_scan_cost(p); },
            },
            catalogue_entry{
                .what = collective::exclusive_scan,
                .name = "native",
                .cost = "known to the MPI library only",
                .source = "not a schedule: the MPI library's own collective",
                .keeps_order = true,
            },
        };
    }
    static constexpr auto simple = list_simple();
    static constexpr auto& entries = simple;
};

} // namespace chorus
