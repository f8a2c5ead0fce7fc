#pragma once
/// What the catalogue says of one algorithm.

#include <chorus/algorithm/choice.hpp>
#include <chorus/core/collective.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace chorus {

/// What an algorithm costs, counted over all ranks (verify/ recounts it on the recorded schedules). Sizes are in
/// vectors for all_reduce, broadcast, reduce and scans, in blocks for the collectives with one block per rank.
struct cost_terms {
    double rounds = 0;   ///< messages on the longest chain of messages that wait for each other (alpha)
    double messages = 0; ///< most messages sent by one rank
    double sent = 0;     ///< most data sent by one rank (beta)
    double reduced = 0;  ///< most data folded by one rank (gamma)
};

struct catalogue_entry {
    collective what;
    std::string_view name;
    std::string_view cost;    ///< in symbols, for people: "2(p-1) rounds, 2n(p-1)/p sent, n(p-1)/p reduced"
    std::string_view source;  ///< citation
    bool keeps_order = false; ///< right for operators that do not commute; true where there is no operator
    record_function record = nullptr;                             ///< null: `native`, not a schedule
    cost_terms (*formula)(int ranks, choice const& how) = nullptr; ///< null: composed of others, counted only
    /// Null: any p. Otherwise says why the algorithm cannot serve p ranks ("p must be even"), or is empty.
    std::string_view (*refuses)(int ranks, choice const& how) = nullptr;
    bool rounds_once = false; ///< folds all operands of a sum at once (call_shape)
    bool forwards_blocks = false; ///< all_to_all: passes other ranks' blocks on, so the v form needs all counts
};

/// The algorithms of one collective, specialised in algorithm/<collective>/catalogue.hpp:
///
///   entries  all of them, `native` last
///   simple   without those that are composed of other collectives' algorithms: what the automatic choice considers
///
/// `Lazy` makes templates of them, so that a program compiles only what it names: a call that leaves the choice to the
/// library compiles `simple`, one with a tag compiles that one algorithm. The lists are made by functions: outside of
/// one, GCC 12 gives a lambda another address in every source file.
template <collective What, class Lazy = void>
struct catalogue;

/// The entry of that name, or nullptr.
constexpr catalogue_entry const* find(std::span<catalogue_entry const> entries, std::string_view name) {
    for (auto const& each : entries)
        if (each.name == name) return &each;
    return nullptr;
}

#ifdef CHORUS_COMPILED
/// catalogue<what>::entries, or ::simple where `composed` is false, as the library has them.
std::span<catalogue_entry const> compiled_entries(collective what, bool composed);
#endif

namespace detail {

/// The list with one entry more, before the last.
template <std::size_t Count>
constexpr std::array<catalogue_entry, Count + 1> with_composed(std::array<catalogue_entry, Count> const& simple,
                                                               catalogue_entry const& composed) {
    std::array<catalogue_entry, Count + 1> all{};
    for (std::size_t i = 0; i + 1 < Count; ++i) all[i] = simple[i];
    all[Count - 1] = composed;
    all[Count] = simple[Count - 1];
    return all;
}

} // namespace detail

} // namespace chorus
