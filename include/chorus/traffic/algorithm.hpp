#pragma once
/// Algorithms as jobs name them.

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/parse.hpp>
#include <chorus/core/collective.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/traffic/job.hpp>

#include <string>
#include <string_view>

namespace chorus::traffic {

/// What a job calls a reduction by the switches.
inline constexpr std::string_view in_network = "in_network";

/// Throws usage_error, with the names that are allowed, where the collective has no such schedule among so many ranks.
inline void check_algorithm(collective what, std::string const& text, int ranks) {
    if (text == in_network && what == collective::all_reduce) return;
    if (text == in_network)
        chorus::detail::misuse({"in_network is a reduction by the switches, for all_reduce only, not for ", name(what)});
    auto const how = parse_choice(text, ranks);
    if (how.automatic()) return;
    if (how.segments > 1) chorus::detail::misuse({text, ": messages of jobs are not cut into segments; leave segments= out"});
    auto const entries = entries_of(what);
    auto const* const entry = find(entries, how.name);
    if (entry == nullptr || entry->record == nullptr) {
        std::string allowed = "auto";
        for (auto const& each : entries)
            if (each.record != nullptr) chorus::detail::append(allowed, {", ", each.name});
        chorus::detail::misuse({name(what), " has no algorithm '", how.name, "'; allowed are ", allowed});
    }
    auto const why = ranks > 1 && entry->refuses != nullptr ? entry->refuses(ranks, how) : std::string_view{};
    if (!why.empty()) chorus::detail::misuse({name(what), " by ", text, " among ", ranks, " ranks: ", why});
}

/// Calls visit(dimension, collective, algorithm, ranks) for every collective that a training job's dimensions run.
template <class Visit>
void for_each_collective(training const& t, Visit visit) {
    auto const reduced = [&](std::string_view key, std::string const& by, int ranks, bool halves) {
        if (!halves) return visit(key, collective::all_reduce, by, ranks);
        visit(key, collective::reduce_scatter, by, ranks);
        visit(key, collective::all_gather, by, ranks);
    };
    reduced("tensor", t.by.tensor, t.how.tensor, t.how.sequence);
    reduced("data", t.by.data, t.how.data, t.sharded_optimizer);
    visit(std::string_view("expert"), collective::all_to_all, t.by.expert, t.how.expert);
}

} // namespace chorus::traffic
