#pragma once
/// What the hierarchical algorithms share: one level of groups as a rank sees it, and the algorithm that runs on a part
/// of the ranks.
///
/// `choice::levels` names the algorithms inside the groups and between them. A name is looked up in the catalogue of
/// every collective that a phase needs (an all_reduce reduce-scatters inside, say); a phase whose collective has no
/// algorithm of that name takes the default that its page gives.

#include <chorus/algorithm/choice.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/core/collective.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/pattern/groups.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::detail {

/// One level of groups, seen from one rank. A group's first member is its leader.
struct level {
    group_members groups;
    int group = 0; ///< of this rank
    int index = 0; ///< of this rank among its group's members
    choice inside;
    choice between;

    std::vector<int> const& members() const { return groups[static_cast<std::size_t>(group)]; }
    bool leads() const { return index == 0; }

    /// All groups have the same number of members.
    bool equal() const {
        return std::all_of(groups.begin(), groups.end(), [&](auto const& g) { return g.size() == groups[0].size(); });
    }
    /// The members with index 0 of each group, those with index 1, and so on. Precondition: equal().
    group_members lanes() const {
        group_members result(members().size());
        for (std::size_t i = 0; i < result.size(); ++i)
            for (auto const& each : groups) result[i].push_back(each[i]);
        return result;
    }
    std::vector<int> leaders() const { return leaders_of(groups); }
    /// The ranks of all other groups, group by group.
    std::vector<int> outside() const {
        std::vector<int> ranks;
        for (auto const& each : groups)
            if (&each != &members()) ranks.insert(ranks.end(), each.begin(), each.end());
        return ranks;
    }
};

/// A group of one for each rank.
inline group_members alone(std::vector<int> const& ranks) {
    group_members groups;
    for (auto const rank : ranks) groups.push_back({rank});
    return groups;
}

/// The groups of `levels` over all ranks; one group where it names none. Throws usage_error where it is not about that
/// many ranks, or leaves one out (a negative number).
inline group_members groups_of(hierarchy const* levels, int ranks) {
    auto group_of = levels != nullptr ? levels->group_of : std::vector<int>{};
    if (group_of.empty()) group_of.assign(static_cast<std::size_t>(ranks), 0);
    auto const named = static_cast<int>(group_of.size());
    if (named != ranks)
        throw usage_error("chorus: hierarchical: the grouping is of " + std::to_string(named) +
                          " ranks, but there are " + std::to_string(ranks) +
                          (named < ranks ? ": rank " + std::to_string(named) + " is omitted" : ""));
    auto const omitted = std::find_if(group_of.begin(), group_of.end(), [](int group) { return group < 0; });
    if (omitted != group_of.end())
        throw usage_error("chorus: hierarchical: the grouping omits rank " +
                          std::to_string(omitted - group_of.begin()) + " (group " + std::to_string(*omitted) + ")");
    return members_of(group_of);
}

/// This rank's place on the level that `how` describes.
template <class Sink>
level level_of(Sink const& sink, choice const& how) {
    level here;
    here.groups = groups_of(how.levels.get(), sink.size());
    here.group = group_with(here.groups, sink.rank());
    auto const& members = here.members();
    here.index = static_cast<int>(std::find(members.begin(), members.end(), sink.rank()) - members.begin());
    if (how.levels) here.inside = how.levels->inside, here.between = how.levels->between;
    return here;
}

/// The algorithm that `how` names for the collective, or else `fallback`. Throws usage_error where it cannot be run on
/// a part of the ranks, or refuses their number.
template <collective What>
record_function algorithm_among(choice const& how, std::string_view fallback, int ranks) {
    if (how.custom != nullptr) return how.custom;
    auto const* entry = find(catalogue<What>::entries, how.name);
    if (entry == nullptr) entry = find(catalogue<What>::entries, fallback);
    auto const called = [&] {
        return "chorus: hierarchical: " + std::string(name(What)) + " " + std::string(entry->name);
    };
    if (entry == nullptr)
        throw usage_error("chorus: hierarchical: " + std::string(name(What)) + " has no " + std::string(fallback));
    if (entry->record == nullptr) throw usage_error(called() + " is not a schedule and cannot be composed");
    auto const reason = entry->refuses != nullptr ? entry->refuses(ranks, how) : std::string_view{};
    if (!reason.empty())
        throw usage_error(called() + " on " + std::to_string(ranks) + " ranks: " + std::string(reason));
    return entry->record;
}

/// Runs one phase, a collective among `members` (by this sink's numbers, this rank among them).
template <collective What, class Sink>
void run_among(Sink& sink, std::vector<int> const& members, choice const& how, std::string_view fallback,
               arguments args) {
    if (members.size() == 1) return;
    auto part = sink.subset(members);
    args.how = &how;
    algorithm_among<What>(how, fallback, part.size())(part, args);
}

/// Throws usage_error unless one of the collectives knows the name: a slip of the pen is not taken for "default". A
/// caller's own algorithm serves one collective, so that it can only run where one is needed.
template <collective... Needed>
void check_name(choice const& how, std::string_view where) {
    if (how.custom != nullptr && sizeof...(Needed) == 1) return;
    if (how.custom != nullptr)
        throw usage_error("chorus: hierarchical: an algorithm of one's own cannot run " + std::string(where) +
                          ", where several collectives are needed");
    if (how.automatic() || (... || (find(catalogue<Needed>::entries, how.name) != nullptr))) return;
    std::string phases;
    (..., (phases += (phases.empty() ? "" : ", ") + std::string(name(Needed))));
    throw usage_error("chorus: hierarchical: there is no algorithm '" + std::string(how.name) + "' for what runs " +
                      std::string(where) + " (" + phases + ")");
}

/// What gathers and reduce-scatters inside a group by default: everything at once while that is few messages.
inline std::string_view default_inside(std::vector<int> const& members) {
    return members.size() <= 8 ? "direct" : "circulant";
}

inline arguments on_data(slice_list data, int root = -1) {
    arguments args;
    args.data = std::move(data);
    args.root = root;
    return args;
}
inline arguments on_blocks(block_list blocks, int root = -1) {
    arguments args;
    args.blocks = std::move(blocks);
    args.root = root;
    return args;
}

} // namespace chorus::detail
