#pragma once
/// From a collective and an algorithm to its traffic, at any scale.

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/choice.hpp>
#include <chorus/algorithm/hierarchy.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/traffic/closed_form.hpp>
#include <chorus/traffic/recorded.hpp>
#include <chorus/traffic/phase.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::traffic {

inline std::vector<phase> phases_of(call const& of, choice const& how);

/// Above this many ranks, algorithms with a block per rank are not recorded: memory grows with the square.
inline constexpr int most_recorded_ranks = 4096;

namespace detail {

/// One part of a composition: a collective among the members of every group at once.
class composition {
public:
    composition(int ranks, std::vector<phase>& to) : ranks_(ranks), to_(to) {}

    /// `how` as a page of algorithm/ resolves it: its name, where the collective has it, or `fallback`.
    void add(group_members const& groups, call of, choice how, std::string_view fallback) {
        of.ranks = static_cast<int>(groups[0].size());
        if (of.ranks == 1) return;
        if (how.custom == nullptr && find(entries_of(of.what), how.name) == nullptr) how.name = fallback;
        auto const shared = std::make_shared<group_members const>(groups);
        for (auto const& each : phases_of(of, how)) to_.push_back(each.within(ranks_, shared));
    }

private:
    int ranks_;
    std::vector<phase>& to_;
};

/// The phases of a hierarchical algorithm over groups of equal size: its parts one after the other, since every rank
/// takes part in the last phase of each. Nothing for unequal groups, whose parts overlap.
inline std::optional<std::vector<phase>> composed(call const& of, choice const& how) {
    chorus::detail::level here;
    here.groups = chorus::detail::groups_of(how.levels.get(), of.ranks);
    if (how.levels) here.inside = how.levels->inside, here.between = how.levels->between;
    auto const m = static_cast<double>(here.groups[0].size()), g = static_cast<double>(here.groups.size());
    if (!here.equal() || (here.inside.custom != nullptr && of.what == collective::all_reduce)) return std::nullopt;
    auto const lanes = here.lanes();
    auto const inside = chorus::detail::default_inside(here.groups[0]);
    std::vector<phase> phases;
    composition parts(of.ranks, phases);
    switch (of.what) {
    case collective::all_reduce:
        parts.add(here.groups, {collective::reduce_scatter, 0, of.bytes / m}, here.inside, inside);
        parts.add(lanes, {collective::all_reduce, 0, of.bytes / m}, here.between, "circulant");
        parts.add(here.groups, {collective::all_gather, 0, of.bytes / m}, here.inside, inside);
        return phases;
    case collective::all_gather:
        parts.add(lanes, {collective::all_gather, 0, of.bytes}, here.between, "circulant");
        parts.add(here.groups, {collective::all_gather, 0, of.bytes * g}, here.inside, inside);
        return phases;
    case collective::all_to_all:
        parts.add(here.groups, {collective::all_to_all, 0, of.bytes * g}, here.inside, "direct");
        parts.add(lanes, {collective::all_to_all, 0, of.bytes * m}, here.between, "pairwise");
        return phases;
    default: return std::nullopt;
    }
}

} // namespace detail

/// The phases of one collective, exact: in closed form where the algorithm has one, by parts where it is hierarchical
/// over equal groups, and recorded otherwise. Throws usage_error where the catalogue has no such schedule, it refuses so
/// many ranks, or would have to be recorded with a block for each of more than `most_recorded_ranks` ranks.
inline std::vector<phase> phases_of(call const& of, choice const& how) {
    if (of.ranks < 1) chorus::detail::misuse({"traffic: ", name(of.what), " among ", of.ranks, " ranks"});
    if (of.ranks == 1) return {};
    auto const* entry = how.custom == nullptr ? find(entries_of(of.what), how.name) : nullptr;
    auto const called = [&] { return std::string(name(of.what)) + " " + to_string(how); };
    if (how.custom == nullptr && (entry == nullptr || entry->record == nullptr))
        chorus::detail::misuse({"traffic: there is no schedule for ", called()});
    if (auto const why = entry != nullptr && entry->refuses != nullptr ? entry->refuses(of.ranks, how) : std::string_view{}; !why.empty())
        chorus::detail::misuse({"traffic: ", called(), " on ", of.ranks, " ranks: ", why});
    if (auto known = closed_form(of, how)) return std::move(*known);
    if (how.name == "hierarchical" && how.custom == nullptr)
        if (auto phases = detail::composed(of, how)) return std::move(*phases);
    if (of.ranks > most_recorded_ranks && (has_blocks(of.what) || how.name == "hierarchical"))
        chorus::detail::misuse({"traffic: ", called(), " has no closed form and is recorded to ", most_recorded_ranks, " ranks only, not ", of.ranks});
    return recorded_phases(of, how.custom != nullptr ? how.custom : entry->record, how);
}

/// At most `count` of the phases to stand for all: one by lot from each of as many stretches of equal length, repeated for
/// its stretch. What is drawn depends on the seed only. Exact where all phases cost the same.
inline std::vector<phase> sample(std::vector<phase> const& phases, std::size_t count, std::uint64_t seed) {
    if (phases.size() <= count || count == 0) return phases;
    std::mt19937_64 random(seed);
    std::vector<phase> some;
    for (std::size_t k = 0; k < count; ++k) {
        auto const begin = phases.size() * k / count, end = phases.size() * (k + 1) / count;
        auto drawn = phases[begin + random() % (end - begin)];
        drawn.repeats = steps(std::span(phases).subspan(begin, end - begin));
        some.push_back(std::move(drawn));
    }
    return some;
}

} // namespace chorus::traffic
