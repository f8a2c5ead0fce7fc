#pragma once
/// Bruck's pattern: distances 0..p-1 are written in base `radix`, and a block that must travel distance d travels one
/// non-zero digit of d at a time. (radix - 1) ceil(log_radix p) rounds at most, in each of which a rank sends to one
/// peer and receives from one.
///
/// Bruck, Ho, Kipnis, Upfal, Weathersby, IEEE Transactions on Parallel and Distributed Systems 8(11), 1997.

#include <cstdint>
#include <vector>

namespace chorus {

struct bruck_round {
    int weight;   ///< radix^k, for digit number k
    int digit;    ///< 1..radix-1
    int distance; ///< digit * weight < p: peers are that far on and back
    friend constexpr bool operator==(bruck_round const&, bruck_round const&) = default;
};

/// Lowest digit first. Preconditions: size >= 1, radix >= 2.
constexpr std::vector<bruck_round> bruck_rounds(int size, int radix = 2) {
    std::vector<bruck_round> rounds;
    for (std::int64_t weight = 1; weight < size; weight *= radix)
        for (int digit = 1; digit < radix && digit * weight < size; ++digit)
            rounds.push_back({static_cast<int>(weight), digit, static_cast<int>(digit * weight)});
    return rounds;
}

/// Does a block that must travel `distance` move in this round?
constexpr bool moves_in(bruck_round const& round, int distance, int radix) {
    return distance / round.weight % radix == round.digit;
}

/// The distances of the blocks that move in this round, ascending.
constexpr std::vector<int> moving_in(bruck_round const& round, int size, int radix) {
    std::vector<int> distances;
    for (int distance = 1; distance < size; ++distance)
        if (moves_in(round, distance, radix)) distances.push_back(distance);
    return distances;
}

} // namespace chorus
