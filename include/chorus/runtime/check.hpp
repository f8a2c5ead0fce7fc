#pragma once
/// Checks of a call's sizes, before anything moves. Part of arguments.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/arguments.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <vector>

namespace chorus::detail {

[[noreturn, gnu::cold]] CHORUS_INLINE void wrong_size(communicator const& comm, collective what, std::initializer_list<text_part> problem) {
    misuse({"rank ", comm.rank(), ": ", name(what), ": ", text(problem)});
}
CHORUS_INLINE void require_size(communicator const& comm, collective what, char const* which, std::size_t has, std::size_t needs) {
    if (has != needs)
        wrong_size(comm, what, {"the ", which, " has ", has, " elements, ", needs, " are needed"});
}
CHORUS_INLINE void require_root(communicator const& comm, collective what, int root) {
    if (root < 0 || root >= comm.size())
        wrong_size(comm, what, {"the root is ", root, ", but ranks go from 0 to ", comm.size() - 1});
}
CHORUS_INLINE void require_disjoint(communicator const& comm, collective what, void const* a, std::size_t a_bytes, void const* b, std::size_t b_bytes) {
    std::less<char const*> const before;
    auto const *const first = static_cast<char const*>(a), *const second = static_cast<char const*>(b);
    if (a_bytes == 0 || b_bytes == 0) return;
    if (before(first, second + b_bytes) && before(second, first + a_bytes))
        wrong_size(comm, what, {"input and output overlap; to work in place, pass one buffer only"});
}
CHORUS_INLINE void require_blocks(communicator const& comm, collective what, char const* which, std::size_t has, ragged const& blocks) {
    auto const ranks = static_cast<std::size_t>(comm.size());
    if (blocks.counts.size() != ranks)
        wrong_size(comm, what, {blocks.counts.size(), " counts for ", ranks, " ranks"});
    if (!blocks.displacements.empty() && blocks.displacements.size() != ranks)
        wrong_size(comm, what, {blocks.displacements.size(), " displacements for ", ranks, " ranks"});
    std::size_t sum = 0;
    for (std::size_t i = 0; i < ranks; ++i) {
        if (blocks.counts[i] > std::numeric_limits<std::size_t>::max() - sum)
            wrong_size(comm, what, {"the counts up to that of rank ", i, " are more than there can be"});
        sum += blocks.counts[i];
        if (!blocks.displacements.empty() && (blocks.displacements[i] > has || blocks.counts[i] > has - blocks.displacements[i]))
            wrong_size(comm, what, {"block ", i, " does not lie inside the ", which});
    }
    if (blocks.displacements.empty()) require_size(comm, what, which, has, sum);
}

CHORUS_INLINE void require_separate(communicator const& comm, collective what, ragged const& blocks) {
    auto const& at = blocks.displacements;
    auto const end = [&](std::size_t i) { return at[i] + blocks.counts[i]; };
    auto const overlap = [&](std::size_t i, std::size_t j) {
        if (blocks.counts[i] > 0 && blocks.counts[j] > 0 && at[i] < end(j) && at[j] < end(i))
            wrong_size(comm, what, {"blocks ", i, " and ", j, " of the output overlap"});
    };
    auto ascending = true;
    for (std::size_t i = 1; ascending && i < at.size(); ++i) ascending = end(i - 1) <= at[i];
    if (ascending) return; // the usual case
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < at.size(); ++i)
        if (blocks.counts[i] > 0) order.push_back(i);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return at[a] < at[b]; });
    for (std::size_t k = 1; k < order.size(); ++k) overlap(order[k - 1], order[k]);
}

CHORUS_INLINE std::size_t sum_of(ragged const& blocks) {
    std::size_t sum = 0;
    for (auto const each : blocks.counts) sum += each;
    return sum;
}

} // namespace chorus::detail
