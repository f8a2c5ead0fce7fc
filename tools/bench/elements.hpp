#pragma once
/// The element types and operators that can be measured, erased: the kernel, and small whole numbers in and out.

#include <chorus/kernel/kernel.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::tools {

/// Whole numbers from 0 to 255, which every type holds exactly: value i is `values[(i + first) % values.size()]`.
struct number_stream {
    std::span<std::uint8_t const> values;
    std::size_t first = 0;
};

struct element_type {
    std::string_view name;
    std::size_t bytes;
    kernel (*copy)();
    kernel (*fold)(operator_id);                                       ///< plus, multiplies, min, max, average
    void (*store)(void* to, std::size_t count, number_stream);         ///< writes the numbers
    bool (*holds)(void const* data, std::size_t count, number_stream); ///< whether it is those
};

std::span<element_type const> element_types();

/// The numbers that a rank contributes to a fold, such that every partial result is exact in every type; and what the
/// fold over the first `ranks` of `of` contributions is.
std::vector<std::uint8_t> contribution(operator_id op, int rank, int of);
std::vector<std::uint8_t> folded(operator_id op, int ranks, int of);
/// Numbers without a pattern, for data that are only moved: block b begins at `first_of_block(b)` of them.
std::vector<std::uint8_t> const& arbitrary_numbers();
std::size_t first_of_block(std::size_t block);

} // namespace chorus::tools
