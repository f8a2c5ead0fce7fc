#pragma once
/// What must hold before anything can be proven: the schedules belong together, and every step stays inside of its
/// buffers and leaves the input alone.

#include <chorus/verify/explain.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chorus::proof {

inline constexpr int lanes = 4;

/// Does the slice lie inside of its buffer (inside of what was kept of it, where it is scratch)?
inline bool fits(schedule const& in, slice const& data) {
    if (data.buffer < 0 || static_cast<std::size_t>(data.buffer) >= in.buffers.size()) return false;
    auto const& shape = in.buffers[static_cast<std::size_t>(data.buffer)];
    if (!(data.begin <= data.end) || data.begin.block < 0) return false;
    return data.begin == data.end || (shape.begin <= data.begin && data.end <= shape.end);
}

/// What is wrong with one step, in words; null if nothing is. `waits_for`: its predecessors.
inline char const* malformed_step(schedule const& in, step const& s, int index,
                                  std::vector<std::int32_t> const& waits_for) {
    auto const outside = [&](slice const& each) { return !fits(in, each); };
    if (s.is_message() && (s.peer < 0 || s.peer >= in.ranks || s.peer == in.rank)) return "the peer is no other rank";
    if (s.lane >= lanes) return "there is no such lane";
    for (auto const before : waits_for)
        if (before < 0 || before >= index) return "waits for a step that is not an earlier one";
    if (std::any_of(s.source.begin(), s.source.end(), outside)) return "reads beyond the end of a buffer";
    if (std::any_of(s.target.begin(), s.target.end(), outside)) return "writes beyond the end of a buffer";
    for (auto const& each : s.target)
        if (each.buffer == input_buffer) return "writes to the caller's input";
    return nullptr;
}

/// The first thing that makes these no schedules of one collective, if there is one.
inline std::optional<fault> malformed(std::span<schedule const> ranks) {
    if (ranks.empty()) return fault{-1, -1, "there are no schedules"};
    for (std::size_t r = 0; r < ranks.size(); ++r) {
        auto const& in = ranks[r];
        auto const number = static_cast<int>(r);
        if (in.rank != number) return fault{number, -1, "schedule " + std::to_string(r) + " is that of another rank"};
        if (in.ranks != static_cast<int>(ranks.size()))
            return fault{number, -1,
                         name_of_rank(in) + " was recorded for " + std::to_string(in.ranks) + " ranks of " +
                             std::to_string(ranks.size())};
        if (in.what != ranks[0].what || in.root != ranks[0].root)
            return fault{number, -1, name_of_rank(in) + " and rank 0 differ in the collective or in its root"};
        if (in.buffers.size() < 2 || in.predecessors.size() != in.steps.size())
            return fault{number, -1, name_of_rank(in) + "'s schedule is incomplete"};
        for (std::size_t i = 0; i < in.steps.size(); ++i)
            if (auto const* const wrong = malformed_step(in, in.steps[i], static_cast<int>(i), in.predecessors[i]))
                return fault{number, static_cast<int>(i),
                             name_of_rank(in) + ", step " + std::to_string(i) + " (" +
                                 std::string(name(in.steps[i].kind)) + "): " + wrong};
    }
    return std::nullopt;
}

} // namespace chorus::proof
