#pragma once
/// Which algorithms hold which level of determinism (docs/determinism.md).

#include <chorus/core/collective.hpp>

#include <string_view>

namespace chorus {

/// Whether the algorithm folds every element by *the* tree over the ranks: intervals of 2^k ranks from rank 0 on, halves first.
/// Then neither the length of the vector, nor where in it an element stands, nor which of these algorithms runs, shows in
/// the result. The tests prove it on recorded schedules.
constexpr bool folds_by_one_tree(collective what, std::string_view algorithm, int ranks) {
    switch (what) {
    case collective::all_reduce:
        return algorithm == "tree" || ((ranks & (ranks - 1)) == 0 && (algorithm == "recursive_doubling" || algorithm == "rabenseifner"));
    case collective::reduce: return algorithm == "binomial";
    case collective::scan:
    case collective::exclusive_scan: return algorithm == "doubling"; // one tree for each rank's prefix
    default: return !has_operator(what);
    }
}

/// Whether the algorithm holds the level. Exact operators hold all of them with whatever algorithm.
constexpr bool holds(int level, collective what, std::string_view algorithm, int ranks, bool exact) {
    if (level <= 2 || ranks == 1 || exact || !has_operator(what)) return true;
    return level == 3 && folds_by_one_tree(what, algorithm, ranks);
}

} // namespace chorus
