#pragma once

#include <array>
#include <string_view>

namespace chorus {

/// All names that an algorithm can have, in whatever collective. What a choice is called refers to these.
inline constexpr std::array<std::string_view, 20> algorithm_names{
    "ring",     "tree",      "hierarchical",       "recursive_doubling", "rabenseifner",
    "bruck",    "circulant", "double_tree",        "one_shot",           "two_shot",
    "pairwise", "direct",    "recursive_halving",  "neighbour_exchange", "binomial",
    "chain",    "doubling",  "scatter_all_gather", "dissemination",      "native",
};

} // namespace chorus
