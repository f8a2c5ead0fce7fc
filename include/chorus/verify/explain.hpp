#pragma once
/// Words for what the proof finds: steps, slices and parts as a reader of the algorithm would call them.

#include <chorus/core/collective.hpp>
#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <string>

namespace chorus::proof {

/// Where a schedule is wrong, and how, in a sentence. `step` is an index into the rank's `schedule.steps`; -1: none.
struct fault {
    int rank = -1;
    int step = -1;
    std::string text;
};

/// "1/4", "0", "1"
inline std::string fraction(position const& at) {
    if (at.numerator == 0) return std::to_string(at.block);
    return std::to_string(at.numerator) + "/" + std::to_string(at.denominator);
}

/// "block 3", "block 1 -> 3" (all_to_all: from rank 1 to rank 3), "the vector", "part 1/4..2/4", "block 3, part
/// 0..1/2". `from` and `to` lie inside one block; to = {1, 0, 1} is its end and from = {0, 0, 1} its beginning.
inline std::string name_of_part(schedule const& in, std::int32_t block, position const& from, position const& to) {
    auto const whole = from.numerator == 0 && to.numerator == 0;
    auto const part = "part " + fraction(from) + ".." + fraction(to);
    if (!has_blocks(in.what)) return whole ? "the vector" : part;
    auto text = "block " + (in.what == collective::all_to_all
                                ? std::to_string(block / in.ranks) + " -> " + std::to_string(block % in.ranks)
                                : std::to_string(block));
    return whole ? text : text + ", " + part;
}

/// Calls `visit(block number of the collective, from, to)` for each block that the slice touches.
template <class Visit>
void for_each_block(schedule const& in, slice const& data, Visit visit) {
    auto const& blocks = in.buffers[static_cast<std::size_t>(data.buffer)].blocks;
    for (auto k = data.begin.block; k < data.end.ceiling(); ++k) {
        position from{}, to{1, 0, 1};
        if (k == data.begin.block) from = {0, data.begin.numerator, data.begin.denominator};
        if (k == data.end.block) to = {0, data.end.numerator, data.end.denominator};
        visit(blocks[static_cast<std::size_t>(k)], from, to);
    }
}

/// "block 3 and block 4 and 30 more"
inline std::string name_of_data(schedule const& in, slice_list const& data) {
    constexpr int shown = 3;
    if (in.what == collective::barrier) return "a token";
    std::string text;
    int count = 0;
    for (auto const& each : data)
        for_each_block(in, each, [&](std::int32_t block, position const& from, position const& to) {
            if (++count <= shown) text += (count > 1 ? " and " : "") + name_of_part(in, block, from, to);
        });
    if (count > shown) text += " and " + std::to_string(count - shown) + " more";
    return count == 0 ? "nothing" : text;
}

/// "the input", "the output", "scratch 2"
inline std::string name_of_buffer(buffer_id buffer) {
    if (buffer == input_buffer) return "the input";
    return buffer == output_buffer ? "the output" : "scratch " + std::to_string(buffer - first_scratch_buffer);
}

/// "step 4 (recv_reduce of block 3 from rank 1)"
inline std::string name_of_step(schedule const& in, int index) {
    auto const& s = in.steps[static_cast<std::size_t>(index)];
    auto const& data = s.target.empty() ? s.source : s.target;
    auto text = "step " + std::to_string(index) + " (" + std::string(name(s.kind)) + " of " + name_of_data(in, data);
    if (s.sends()) text += " to rank " + std::to_string(s.peer);
    if (s.receives()) text += " from rank " + std::to_string(s.peer);
    if (s.is_message() && s.lane != 0) text += ", lane " + std::to_string(s.lane);
    return text + ")";
}

inline std::string name_of_rank(schedule const& in) { return "rank " + std::to_string(in.rank); }

/// A fault at one step: "rank 2, step 4 (recv_reduce of block 3 from rank 1): " and what is wrong.
inline fault fault_at(schedule const& in, int index, std::string const& text) {
    return {in.rank, index, name_of_rank(in) + ", " + name_of_step(in, index) + ": " + text};
}

} // namespace chorus::proof
