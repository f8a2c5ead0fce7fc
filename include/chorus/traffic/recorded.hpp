#pragma once
/// The phases of any algorithm, from the recorded schedules of all its ranks.

#include <chorus/algorithm/choice.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/traffic/levels.hpp>
#include <chorus/traffic/phase.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// One call, as the network sees it. `bytes` is the length of the vector, or of one block for collectives with a block
/// per rank (all_to_all: what one rank has for one other). A barrier's
/// messages are empty.
struct call {
    collective what = collective::all_reduce;
    int ranks = 1;
    double bytes = 0;
    int root = 0;
};

namespace detail {

/// How many blocks long a message is. Each slice's length is the double next to the exact fraction, so that parts of equal
/// length compare equal wherever they lie.
inline double blocks_of(slice_list const& slices) {
    double sum = 0;
    for (auto const& s : slices) {
        auto const common = std::int64_t{s.begin.denominator} * s.end.denominator;
        auto const parts = (s.end.block - s.begin.block) * common + std::int64_t{s.end.numerator} * s.begin.denominator -
                           std::int64_t{s.begin.numerator} * s.end.denominator;
        sum += static_cast<double>(parts) / static_cast<double>(common);
    }
    return sum;
}

/// The messages of all ranks by level; a message's bytes are `size(schedule, step)`.
template <class Size>
std::vector<std::vector<message>> recorded_levels(call const& of, record_function algorithm, choice const& how, Size size) {
    level_graph graph;
    for (int rank = 0; rank < of.ranks; ++rank) {
        call_shape shape;
        shape.what = of.what;
        shape.rank = rank;
        shape.ranks = of.ranks;
        shape.root = of.root;
        auto const recorded = record(shape, algorithm, how);
        for (std::size_t i = 0; i < recorded.steps.size(); ++i) {
            auto const& s = recorded.steps[i];
            graph.add(s, s.is_message() ? size(recorded, s) : 0.0, recorded.predecessors[i]);
        }
        graph.end_rank();
    }
    return graph.levels();
}

} // namespace detail

/// The phases in which `algorithm` sends its messages, exact, at the cost of recording every rank: O(all steps) in time
/// and memory. Message sizes are real numbers: a part of n elements among p ranks is n/p, not rounded.
///
/// A message is in the earliest phase it can be in: after all that its sender (or, for a plain receive, the receiver's
/// memory) must wait for, and after the message that its rank sent before it on the same lane. Receives come when they come.
inline std::vector<phase> recorded_phases(call const& of, record_function algorithm, choice const& how = {}) {
    auto levels = detail::recorded_levels(of, algorithm, how, [&](schedule const&, step const& s) {
        return of.what == collective::barrier ? 0.0 : of.bytes * detail::blocks_of(s.sends() ? s.source : s.target);
    });
    std::vector<phase> phases;
    std::vector<message> last;
    for (auto& messages : levels) {
        std::sort(messages.begin(), messages.end());
        if (!phases.empty() && messages == last) {
            ++phases.back().repeats;
            continue;
        }
        last = messages;
        phases.push_back(phase::listed(of.ranks, std::move(messages)));
    }
    return phases;
}

} // namespace chorus::traffic
