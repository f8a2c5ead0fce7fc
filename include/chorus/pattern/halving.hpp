#pragma once
/// Recursive halving over any number of ranks: an interval of ranks splits into a lower and an upper half, each rank
/// pairs with its like in the other half, and both halves go on by themselves. Where the lower half is one rank larger,
/// its last rank has nobody to pair with: it gives to the last of the upper half, and gets nothing.

#include <vector>

namespace chorus {

struct halving_round {
    int give_begin, give_end; ///< the other half, which is given away
    int keep_begin, keep_end; ///< one's own half
    int to;                   ///< who is given the other half
    std::vector<int> from;    ///< who gives to this rank: nobody, one, or two
    constexpr int given() const { return give_end - give_begin; }
    constexpr int kept() const { return keep_end - keep_begin; }
};

/// ceil(log2 p) rounds, or one less for a rank that lands in smaller halves. Precondition: 0 <= rank < size.
constexpr std::vector<halving_round> halving_rounds(int rank, int size) {
    std::vector<halving_round> rounds;
    for (int begin = 0, end = size; end - begin > 1;) {
        auto const half = (end - begin + 1) / 2, middle = begin + half;
        auto const uneven = half > end - middle;
        if (rank < middle) {
            auto const alone = uneven && rank == middle - 1;
            rounds.push_back({middle, end, begin, middle, alone ? end - 1 : rank + half, {}});
            if (!alone) rounds.back().from = {rank + half};
            end = middle;
        } else {
            rounds.push_back({begin, middle, middle, end, rank - half, {rank - half}});
            if (uneven && rank == end - 1) rounds.back().from.push_back(middle - 1);
            begin = middle;
        }
    }
    return rounds;
}

} // namespace chorus
