#pragma once
/// The proof of an algorithm over many shapes: numbers of ranks, roots, in place and not, segments, groupings, counts.

#include "algorithms.hpp"

#include <chorus/verify/verify.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace chorus::tools {

/// What is wrong with an algorithm in one shape.
struct disproof {
    int ranks = 0;
    std::string where;               ///< "all_reduce ring, 3 ranks, in place, 2 segments"
    verdict found;                   ///< with the explanation
    std::vector<schedule> schedules; ///< to be drawn; empty if it could not even be recorded
};

struct proof_result {
    catalogue_entry entry;
    int most_ranks = 0;            ///< proven up to here, refused numbers aside
    std::size_t shapes = 0;        ///< how many were proven
    counted_cost cost;             ///< at the largest number of ranks, the most over all roots
    bool has_formula = false;      ///< and what it says was counted, on all numbers of ranks
    int roundings = 0;             ///< the most
    bool keeps_order = true;       ///< everywhere
    int determinism_level = 4;     ///< the least
    std::optional<disproof> wrong; ///< at the least number of ranks
};

/// Proves the algorithms on each of these numbers of ranks, in this order, on two threads. `progress(share)` hears of it
/// now and then; the share never falls.
std::vector<proof_result> prove(std::vector<catalogue_entry> const& entries, std::vector<int> const& ranks,
                                std::function<void(double)> const& progress);

} // namespace chorus::tools
