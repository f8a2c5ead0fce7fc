#pragma once
/// How long each block of a call is.

#include <cstddef>
#include <cstdint>
#include <span>

namespace chorus {

/// The lengths, in elements, of the blocks of one call, and where in the caller's memory they begin. Refers to the
/// caller's vectors, which must live until the call is bound.
struct block_lengths {
    std::size_t uniform = 0;              ///< the length of every block, where `counts` is empty
    std::span<std::size_t const> counts;  ///< block i's length; for all_to_all: of the block to rank i
    std::span<std::size_t const> incoming; ///< all_to_all: of the block from rank i
    std::span<std::size_t const> matrix;  ///< all_to_all, forwarding algorithms: of every block, row by row
    std::span<std::size_t const> input_displacements;  ///< first element of each block; empty: one after the other
    std::span<std::size_t const> output_displacements; ///< the same for the output
    int rank = 0;                         ///< this rank, for all_to_all's rows and columns
    int ranks = 1;

    bool is_uniform() const { return counts.empty() && incoming.empty(); }
    /// Uniform, and one block after the other.
    bool is_plain() const { return is_uniform() && input_displacements.empty() && output_displacements.empty(); }

    /// Length of a block by its number (schedule.hpp, buffer_shape).
    std::size_t of(std::int32_t block) const {
        if (is_uniform()) return uniform;
        if (incoming.empty()) return counts[static_cast<std::size_t>(block)];
        if (!matrix.empty()) return matrix[static_cast<std::size_t>(block)];
        auto const from = block / ranks, to = block % ranks;
        return from == rank ? counts[static_cast<std::size_t>(to)] : incoming[static_cast<std::size_t>(from)];
    }
};

} // namespace chorus
