#pragma once
/// Circulant graphs: in every round each rank sends to the rank `skip` further on and receives from the one `skip`
/// back. The skips halve, rounding up, from p to 1: ceil(log2 p) rounds for any p.
///
/// Träff, arXiv 2410.14234.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace chorus {

struct circulant_round {
    int skip;  ///< distance to the peers
    int width; ///< how many blocks, counted from its own, a rank holds before (reduce-scatter) or after (all-gather)
    /// Blocks [skip, width) travel; they arrive in [0, count()).
    constexpr int count() const { return width - skip; }
    friend constexpr bool operator==(circulant_round const&, circulant_round const&) = default;
};

/// In the order of the reduce-scatter, widest first; the all-gather takes them backwards.
constexpr std::vector<circulant_round> circulant_rounds(int size) {
    std::vector<circulant_round> rounds;
    for (int width = size; width > 1; width = rounds.back().skip) rounds.push_back({(width + 1) / 2, width});
    return rounds;
}

/// One round of a pattern that looks the same from every rank: to whom it sends, what, and where goes what it receives.
/// Blocks are counted from the rank's own.
struct regular_round {
    int sent_begin, sent_end;
    int received_begin, received_end;
    int distance = 0; ///< the receiver is that far on; 0: at a distance of no other round
};

/// The most messages on a chain where each carries something that arrived with the one before, or follows it from the
/// same sender to the same receiver.
constexpr int longest_chain(std::vector<regular_round> const& rounds) {
    std::vector<int> chain(rounds.size(), 1);
    int longest = 0;
    for (std::size_t now = 0; now < rounds.size(); ++now) {
        for (std::size_t before = 0; before < now; ++before) {
            auto const& a = rounds[before];
            auto const& b = rounds[now];
            auto const carried = a.received_begin < b.sent_end && b.sent_begin < a.received_end;
            if (carried || (a.distance != 0 && a.distance == b.distance))
                chain[now] = std::max(chain[now], chain[before] + 1);
        }
        longest = std::max(longest, chain[now]);
    }
    return longest;
}

/// The rounds of a circulant reduce-scatter, and of the all-gather that is the same backwards.
constexpr std::vector<regular_round> circulant_reduce_scatter_rounds(int size) {
    std::vector<regular_round> rounds;
    for (auto const& each : circulant_rounds(size))
        rounds.push_back({each.skip, each.width, 0, each.count(), each.skip});
    return rounds;
}
constexpr std::vector<regular_round> circulant_all_gather_rounds(int size) {
    std::vector<regular_round> rounds;
    auto const forth = circulant_rounds(size);
    for (auto each = forth.rbegin(); each != forth.rend(); ++each)
        rounds.push_back({0, each->count(), each->skip, each->width, size - each->skip});
    return rounds;
}

} // namespace chorus
