#pragma once
/// Groupings: ranks that belong together, as hosts or as the levels of a hierarchy.

#include <chorus/core/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace chorus {

/// The members of each group, ascending; groups in the order of their first members.
using group_members = std::vector<std::vector<int>>;

/// From "which group is rank r in" to "who is in each group". Numbers of groups are labels only: any integers do.
constexpr group_members members_of(std::vector<int> const& group_of) {
    group_members groups;
    std::vector<int> labels;
    for (int rank = 0; rank < static_cast<int>(group_of.size()); ++rank) {
        auto const label = group_of[static_cast<std::size_t>(rank)];
        auto const found = std::find(labels.begin(), labels.end(), label) - labels.begin();
        if (found == static_cast<std::ptrdiff_t>(labels.size())) {
            labels.push_back(label);
            groups.emplace_back();
        }
        groups[static_cast<std::size_t>(found)].push_back(rank);
    }
    return groups;
}

/// Consecutive groups of the given sizes: {2, 3} is {0, 0, 1, 1, 1}. Throws usage_error for a size below 1.
constexpr std::vector<int> group_of_sizes(std::vector<int> const& sizes) {
    std::vector<int> group_of;
    int label = 0;
    for (auto const size : sizes) {
        if (size < 1) throw usage_error("chorus: a group needs at least one rank, not " + std::to_string(size));
        group_of.insert(group_of.end(), static_cast<std::size_t>(size), label++);
    }
    return group_of;
}

/// Consecutive groups of at most `size` ranks each. Precondition: size >= 1.
constexpr std::vector<int> group_of_equal(int ranks, int size) {
    std::vector<int> group_of;
    for (int rank = 0; rank < ranks; ++rank) group_of.push_back(rank / size);
    return group_of;
}

/// Are the groups intervals of ranks? Only then can a composition over groups keep operand order.
constexpr bool are_contiguous(group_members const& groups) {
    for (auto const& members : groups)
        if (members.back() - members.front() + 1 != static_cast<int>(members.size())) return false;
    return true;
}

/// Index of the group that a rank is a member of, or -1.
constexpr int group_with(group_members const& groups, int rank) {
    for (std::size_t i = 0; i < groups.size(); ++i)
        if (std::find(groups[i].begin(), groups[i].end(), rank) != groups[i].end()) return static_cast<int>(i);
    return -1;
}

/// The first member of each group, except that `rank` speaks for its own: what runs between the groups when `rank` is
/// the root.
constexpr std::vector<int> leaders_of(group_members const& groups, int rank = -1) {
    std::vector<int> leaders;
    for (auto const& members : groups) {
        auto const here = std::find(members.begin(), members.end(), rank) != members.end();
        leaders.push_back(here ? rank : members.front());
    }
    return leaders;
}

} // namespace chorus
