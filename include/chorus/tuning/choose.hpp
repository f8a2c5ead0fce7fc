#pragma once
/// The automatic choice of an algorithm: the least time, as measured where that is known, otherwise as predicted. It reads
/// only what is equal on all ranks.

#include <chorus/algorithm/entry.hpp>
#include <chorus/transport/transport.hpp>
#include <chorus/tuning/determinism.hpp>
#include <chorus/tuning/table.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace chorus {

/// What the choice depends on: equal on all ranks by contract.
struct choice_facts {
    collective what = collective::all_reduce;
    int ranks = 1;
    std::size_t bytes = 0;      ///< per vector, or per block for collectives with blocks (the largest, where known)
    bool commutative = true;
    bool exact = false;         ///< the operator does not round, or there is none
    bool exact_counts = true;   ///< false for all_to_all_v: no rank knows all counts, blocks are not forwarded
    int determinism = 2;        ///< the level that must hold
    bool shared_buffers = false; ///< the program says that its buffers come from allocate
    transport_estimates speed;
    tuning_table const* table = nullptr; ///< measured times, if any

    /// Of a vector, or of all blocks together: what people call the size of a call.
    std::size_t total_bytes() const { return has_blocks(what) ? bytes * static_cast<std::size_t>(ranks) : bytes; }
    /// Whether messages are read where the sender has them, without a copy in between.
    bool in_place() const { return speed.reads_in_place || (speed.copies_private && shared_buffers); }
};

/// Into how many segments to cut each message, so that folding one, or copying it in and out, overlaps moving the next: equal on all
/// ranks, since it depends on the average message of the algorithm, not on a rank's own.
inline int choose_segments(cost_terms const& cost, choice_facts const& facts) {
    if (has_blocks(facts.what) && facts.what != collective::reduce_scatter) return 1; // nothing is folded
    if (facts.what == collective::broadcast && facts.in_place() && cost.rounds <= 1) return 1; // nor passed on
    auto const parts = cost.messages > 0 ? cost.sent / cost.messages : 1.0 / facts.ranks;
    auto const message = parts * static_cast<double>(facts.bytes);
    auto wanted = message / static_cast<double>(facts.speed.segment_bytes);
    auto const copied = facts.what == collective::broadcast && facts.speed.copied_segment_bytes > 0 && !facts.shared_buffers;
    if (copied) wanted = std::max(wanted, std::min(8.0, message / static_cast<double>(facts.speed.copied_segment_bytes)));
    return static_cast<int>(std::clamp(wanted, 1.0, 64.0));
}

/// What the caches, and copying twice, add to or take from a prediction where private buffers are copied through shared memory and shared
/// ones are not. Private: messages that are to be folded leave the caches before they are, where several long ones are under way at once,
/// or a single one is very long; who passes a broadcast on copies it out and in again (the root, which sends most in a binomial tree, has
/// nothing to copy out), and where a rank sends fewer messages than there are rounds, it waits for a segment of each of the other rounds.
/// Read where they lie, several at once: each byte is read once, and not passed on from rank to rank. Who reads a broadcast does the work,
/// not who sends it: a rank reads once, after those before it have; more than eight are taken to slow each other down, which nobody has
/// measured. All else as measured on two and on sixteen cores (docs/performance.md, "More ranks").
inline double cache_effects(cost_terms const& cost, choice_facts const& facts) {
    constexpr double long_message = 512 << 10, very_long = 4 << 20, readers = 8;
    if (cost.messages == 0 || !(facts.in_place() || facts.speed.copies_private)) return 0;
    auto const bytes = cost.sent * static_cast<double>(facts.bytes), message = bytes / cost.messages;
    auto const at_once = cost.messages > cost.rounds;
    if (facts.in_place() && facts.what == collective::broadcast) {
        auto const read = static_cast<double>(facts.bytes) * std::max(1.0, cost.messages / cost.rounds / readers);
        auto const waited_for = (cost.rounds - 1) * message / choose_segments(cost, facts);
        return (read + waited_for - bytes) * facts.speed.per_byte;
    }
    auto part = 0.0; // of the time to move all bytes
    if (facts.in_place()) part = at_once ? -0.5 : 0;
    else if (cost.reduced > 0) part = (at_once && message >= long_message ? 0.5 : 0) + 0.25 * std::log2(std::max(1.0, message / very_long));
    else if (facts.what == collective::broadcast && cost.sent < cost.rounds)
        part = 1 / cost.sent + std::max(0.0, cost.rounds - cost.messages) / cost.messages / choose_segments(cost, facts);
    return part * bytes * facts.speed.per_byte;
}

/// Predicted seconds of an algorithm with that cost (the alpha-beta-gamma model, Hockney 1994).
inline double predict(cost_terms const& cost, choice_facts const& facts) {
    auto const bytes = static_cast<double>(facts.bytes);
    auto const goes_at_once = cost.sent * bytes <= cost.messages * static_cast<double>(facts.speed.eager_bytes);
    auto const latency = facts.speed.latency + (goes_at_once ? 0 : facts.speed.rendezvous);
    return cost.rounds * latency + std::max(0.0, cost.messages - cost.rounds) * facts.speed.per_message +
           cost.sent * bytes * facts.speed.per_byte + cost.reduced * bytes * facts.speed.per_byte_folded + cache_effects(cost, facts);
}

/// Measured seconds; negative where nobody has measured.
inline double measured(catalogue_entry const& entry, choice_facts const& facts) {
    return facts.table == nullptr ? -1 : facts.table->measured(facts.what, facts.ranks, entry.name, facts.total_bytes());
}

/// Whether the entry can serve the call at all.
inline bool serves(catalogue_entry const& entry, choice_facts const& facts, choice const& how) {
    if (entry.record == nullptr) return false;
    if (!facts.commutative && !entry.keeps_order) return false;
    if (entry.forwards_blocks && !facts.exact_counts) return false;
    if (!holds(facts.determinism, facts.what, entry.name, facts.ranks, facts.exact)) return false;
    return entry.refuses == nullptr || entry.refuses(facts.ranks, how).empty();
}

/// The best schedule of the catalogue; null where none serves. Measured times count more than predicted ones: where there
/// are any, only algorithms that were measured are compared.
inline catalogue_entry const* choose(std::span<catalogue_entry const> entries, choice_facts const& facts) {
    catalogue_entry const *best = nullptr, *fastest = nullptr;
    double least = 0, shortest = 0;
    choice const plain;
    for (auto const& entry : entries) {
        if (entry.formula == nullptr || !serves(entry, facts, plain)) continue;
        auto const time = predict(entry.formula(facts.ranks, plain), facts);
        if (best == nullptr || time < least) {
            best = &entry;
            least = time;
        }
        auto const seen = measured(entry, facts);
        if (seen >= 0 && (fastest == nullptr || seen < shortest)) {
            fastest = &entry;
            shortest = seen;
        }
    }
    return fastest != nullptr ? fastest : best;
}

/// The same of an algorithm.
inline int choose_segments(catalogue_entry const* entry, choice_facts const& facts) {
    return choose_segments(entry != nullptr && entry->formula != nullptr ? entry->formula(facts.ranks, choice{}) : cost_terms{}, facts);
}

} // namespace chorus
