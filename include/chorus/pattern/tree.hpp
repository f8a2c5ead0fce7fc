#pragma once
/// Binomial and k-nomial trees with any rank as their root, every subtree of which is an interval of ranks.
///
/// Ranks form aligned groups of k, those form groups of k^2, and so on (the last group of each size may be short). A
/// group is spoken for by the root if that is a member, by its first rank otherwise; where k groups become one, the
/// speaker of the whole is the parent of the other speakers. Because no interval wraps around, a reduction up this tree
/// keeps operand order for every root, and gather and scatter move contiguous blocks.
///
///   k = 2, p = 6, root 3      3 has children 2, 0 (with 1) and 4 (with 5)

#include <cstdint>
#include <vector>

namespace chorus {

/// A subtree: its root, and the interval [begin, end) of ranks in it.
struct subtree {
    int rank;
    int begin;
    int end;
    constexpr int size() const { return end - begin; }
    friend constexpr bool operator==(subtree const&, subtree const&) = default;
};

struct tree_place {
    int parent = -1; ///< -1 at the root
    int begin = 0;   ///< the interval of ranks of this rank's own subtree
    int end = 1;
    std::vector<subtree> children; ///< smallest first; of one size, the nearest first on each side
};

/// Where `rank` stands in the k-nomial tree with k = radix. Preconditions: 0 <= rank, root < size, radix >= 2.
constexpr tree_place place_in_tree(int rank, int size, int root, int radix = 2) {
    auto const limit = [size](std::int64_t at) { return at < size ? static_cast<int>(at) : size; };
    auto const speaker = [root](int first, std::int64_t width) {
        return first <= root && root < first + width ? root : first;
    };
    tree_place here{-1, rank, rank + 1, {}};
    for (std::int64_t width = 1; width < size; width *= radix) {
        auto const whole = width * radix;
        auto const first = static_cast<int>(rank - rank % whole);
        if (speaker(first, whole) != rank) {
            here.parent = speaker(first, whole);
            return here;
        }
        auto const child_at = [&](std::int64_t begin) {
            here.children.push_back({speaker(limit(begin), width), limit(begin), limit(begin + width)});
        };
        for (auto below = here.begin - width; below >= first; below -= width) child_at(below);
        for (auto above = here.begin + width; above < limit(first + whole); above += width) child_at(above);
        here.begin = first;
        here.end = limit(first + whole);
    }
    return here;
}

} // namespace chorus
