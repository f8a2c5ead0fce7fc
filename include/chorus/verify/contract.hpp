#pragma once
/// What each collective promises, as data: what is in the buffers at the start, and what has to be in the output at
/// the end. In place is where a rank that contributes something has no input.

#include <chorus/core/collective.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstdint>
#include <optional>

namespace chorus::proof {

/// Contributions [first, last): each exactly once, and nothing else.
struct contributions {
    std::int32_t first = 0, last = 0;
};

/// Its operands are folded: contribution r is rank r's. Otherwise data are only moved: contribution b is block b
/// (broadcast: contribution r is rank r's vector).
inline bool folds(collective what) { return has_operator(what); }

/// How many contributions there are.
inline int contribution_count(schedule const& in) {
    return in.what == collective::all_to_all ? in.ranks * in.ranks : in.ranks;
}

/// What block k of the input holds at the start.
inline std::int32_t input_of(schedule const& in, std::size_t k) {
    if (folds(in.what) || !has_blocks(in.what)) return in.rank;
    return in.buffers[input_buffer].blocks[k];
}

/// What block k of the output holds at the start, if anything.
inline std::optional<std::int32_t> output_at_start(schedule const& in, std::size_t k) {
    auto const block = in.buffers[output_buffer].blocks[k];
    if (in.what == collective::broadcast) return in.rank == in.root ? std::optional(in.rank) : std::nullopt;
    if (!in.buffers[input_buffer].blocks.empty()) return std::nullopt; // not in place
    if (folds(in.what)) return in.rank;
    switch (in.what) {
    case collective::all_gather:
    case collective::gather:
        return block == in.rank ? std::optional(block) : std::nullopt;
    case collective::scatter:
        return in.rank == in.root ? std::optional(block) : std::nullopt;
    case collective::all_to_all:
        return in.rank * in.ranks + static_cast<std::int32_t>(k);
    default:
        return std::nullopt;
    }
}

/// What block k of the output must hold at the end, if anything.
inline std::optional<contributions> output_at_end(schedule const& in, std::size_t k) {
    auto const block = in.buffers[output_buffer].blocks[k];
    switch (in.what) {
    case collective::all_reduce:
    case collective::reduce:
        return contributions{0, in.ranks};
    case collective::scan:
        return contributions{0, in.rank + 1};
    case collective::exclusive_scan:
        if (in.rank == 0) return std::nullopt;
        return contributions{0, in.rank};
    case collective::reduce_scatter:
        if (block != in.rank) return std::nullopt;
        return contributions{0, in.ranks};
    case collective::scatter:
        if (block != in.rank) return std::nullopt;
        return contributions{block, block + 1};
    case collective::broadcast:
        return contributions{in.root, in.root + 1};
    case collective::all_gather:
    case collective::gather:
    case collective::all_to_all:
        return contributions{block, block + 1};
    case collective::barrier:
    case collective::send_recv:
        break;
    }
    return std::nullopt;
}

} // namespace chorus::proof
