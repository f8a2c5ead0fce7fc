#pragma once
/// What the recorded steps cost, counted.

#include <chorus/core/collective.hpp>
#include <chorus/verify/program.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// Costs as the catalogue counts them. Sizes are in vectors for all_reduce, broadcast, reduce and the scans, in blocks
/// for the collectives with one block per rank, and exact but for the last bits of a double. A barrier moves nothing.
struct counted_cost {
    int rounds = 0;     ///< messages on the longest chain of messages that wait for each other
    int messages = 0;   ///< most messages sent by one rank
    double sent = 0;    ///< most data sent by one rank
    double reduced = 0; ///< most data folded by one rank
};

namespace proof {

inline double length(slice_list const& data) {
    double total = 0;
    auto const at = [](position const& p) { return p.block + static_cast<double>(p.numerator) / p.denominator; };
    for (auto const& each : data) total += at(each.end) - at(each.begin);
    return total;
}

/// Message B comes after message A if A is before it on its channel, or if what B sends depends on what A brought.
inline int longest_chain(program const& all, std::span<std::int32_t const> order) {
    std::vector<int> chain(all.steps().size(), 0); // of a send: with its own message; otherwise: of what it depends on
    std::vector<int> known(all.steps().size(), 0); // the longest chain that a step's predecessors, and it, depend on
    int longest = 0;
    for (auto const number : order) {
        auto const s = static_cast<std::size_t>(number);
        auto const& step = all[number];
        for (auto const before : all.predecessors(step))
            known[s] = std::max(known[s], known[static_cast<std::size_t>(all.first_step(step.rank) + before)]);
        if (step.text->sends()) {
            chain[s] = known[s] + 1;
            if (step.previous >= 0) chain[s] = std::max(chain[s], chain[static_cast<std::size_t>(step.previous)] + 1);
            longest = std::max(longest, chain[s]);
        }
        if (step.text->receives()) known[s] = std::max(known[s], chain[static_cast<std::size_t>(step.partner)]);
    }
    return longest;
}

/// `order`: every step after its predecessors and every receive after its send (progress.hpp).
inline counted_cost count_cost(program const& all, std::span<std::int32_t const> order) {
    counted_cost most;
    most.rounds = longest_chain(all, order);
    for (auto const& in : all.ranks()) {
        counted_cost mine;
        for (auto const& s : in.steps) {
            if (s.sends()) ++mine.messages;
            if (s.sends()) mine.sent += length(s.source);
            if (s.kind == step_kind::recv_reduce || s.kind == step_kind::reduce) mine.reduced += length(s.target);
        }
        most.messages = std::max(most.messages, mine.messages);
        if (in.what != collective::barrier) most.sent = std::max(most.sent, mine.sent);
        most.reduced = std::max(most.reduced, mine.reduced);
    }
    return most;
}

} // namespace proof
} // namespace chorus
