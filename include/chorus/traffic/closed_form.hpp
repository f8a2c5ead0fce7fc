#pragma once
/// The phases of the algorithms that look the same from every rank, written down instead of recorded: at once, for any
/// number of ranks. The tests compare every line of this file with the recorded schedules.

#include <chorus/algorithm/choice.hpp>
#include <chorus/core/collective.hpp>
#include <chorus/pattern/bruck.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/traffic/recorded.hpp>
#include <chorus/traffic/phase.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::traffic {

namespace detail {

/// Puts phases one after the other; equal shifts in succession are one with more repeats.
struct phase_list {
    int ranks;
    std::vector<phase> phases;

    void shift(int distance, double bytes, int repeats = 1) {
        if (repeats > 0 && ranks > 1) phases.push_back(phase::shift(ranks, distance, bytes, static_cast<std::uint64_t>(repeats)));
    }
    /// To every other rank, the next one first.
    void all_shifts(double bytes) {
        for (int distance = 1; distance < ranks; ++distance) shift(distance, bytes);
    }
    void exchange(int bits, double bytes) { phases.push_back(phase::exchange(ranks, bits, bytes)); }
    bool power_of_two() const { return (ranks & (ranks - 1)) == 0; }
};

inline void circulant_reduce_scatter(phase_list& to, double block) {
    for (auto const& each : circulant_rounds(to.ranks)) to.shift(each.skip, block * each.count());
}
inline void circulant_all_gather(phase_list& to, double block) {
    auto const phases = circulant_rounds(to.ranks);
    for (auto each = phases.rbegin(); each != phases.rend(); ++each) to.shift(-each->skip, block * each->count());
}

inline bool all_reduce_phases(phase_list& to, std::string_view name, double bytes) {
    auto const p = to.ranks;
    auto const part = bytes / p;
    if (name == "ring") to.shift(1, part, 2 * (p - 1));
    else if (name == "circulant") circulant_reduce_scatter(to, part), circulant_all_gather(to, part);
    else if (name == "one_shot") to.all_shifts(bytes);
    else if (name == "two_shot") to.all_shifts(part), to.all_shifts(part);
    else if (name == "recursive_doubling" && to.power_of_two())
        for (int bits = 1; bits < p; bits *= 2) to.exchange(bits, bytes);
    else if (name == "rabenseifner" && to.power_of_two()) {
        for (int bits = 1; bits < p; bits *= 2) to.exchange(bits, bytes / (2 * bits));
        for (int bits = p / 2; bits >= 1; bits /= 2) to.exchange(bits, bytes / (2 * bits));
    } else return false;
    return true;
}

inline bool reduce_scatter_phases(phase_list& to, std::string_view name, double block) {
    if (name == "ring") to.shift(1, block, to.ranks - 1);
    else if (name == "circulant") circulant_reduce_scatter(to, block);
    else if (name == "pairwise" || name == "direct") to.all_shifts(block);
    else return false;
    return true;
}

inline bool all_gather_phases(phase_list& to, std::string_view name, double block) {
    auto const p = to.ranks;
    if (name == "ring") to.shift(1, block, p - 1);
    else if (name == "circulant") circulant_all_gather(to, block);
    else if (name == "direct") to.all_shifts(block);
    else if (name == "bruck")
        for (int here = 1; here < p; here *= 2) to.shift(-here, block * std::min(here, p - here));
    else if (name == "recursive_doubling" && to.power_of_two())
        for (int bits = 1; bits < p; bits *= 2) to.exchange(bits, block * bits);
    else return false;
    return true;
}

inline bool all_to_all_phases(phase_list& to, choice const& how, double block) {
    auto const p = to.ranks;
    if (how.name == "direct" || (how.name == "pairwise" && !to.power_of_two())) to.all_shifts(block);
    else if (how.name == "pairwise")
        for (int bits = 1; bits < p; ++bits) to.exchange(bits, block);
    else if (how.name == "bruck")
        for (auto const& each : bruck_rounds(p, how.radix))
            to.shift(each.distance, block * static_cast<double>(moving_in(each, p, how.radix).size()));
    else return false;
    return true;
}

} // namespace detail

/// The phases of that algorithm, or nothing where it has no closed form for that many ranks: recorded_phases has them.
/// O(phases), except bruck for all_to_all: O(phases * ranks).
inline std::optional<std::vector<phase>> closed_form(call const& of, choice const& how) {
    detail::phase_list to{of.ranks, {}};
    if (how.custom != nullptr || how.segments > 1) return std::nullopt;
    auto const known = [&] {
        switch (of.what) {
        case collective::all_reduce: return detail::all_reduce_phases(to, how.name, of.bytes);
        case collective::reduce_scatter: return detail::reduce_scatter_phases(to, how.name, of.bytes);
        case collective::all_gather: return detail::all_gather_phases(to, how.name, of.bytes);
        case collective::all_to_all: return detail::all_to_all_phases(to, how, of.bytes);
        case collective::barrier:
            for (int distance = 1; distance < of.ranks; distance *= 2) to.shift(distance, 0);
            return how.name == "dissemination";
        default: return false;
        }
    }();
    if (!known) return std::nullopt;
    return std::move(to.phases);
}

} // namespace chorus::traffic
