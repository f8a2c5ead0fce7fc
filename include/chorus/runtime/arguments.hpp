#pragma once
/// From a user's ranges, operators and tags to an `operation`: types are checked by the compiler, sizes before anything
/// moves.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/tags.hpp>
#include <chorus/kernel/kernel.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/operation.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace chorus {

/// A range whose elements lie one after the other and whose size is known: std::vector, std::array, std::span, ...
template <class R>
concept buffer = std::ranges::contiguous_range<R> && std::ranges::sized_range<R>;

/// A buffer that can be written.
template <class R>
concept output_buffer_of = buffer<R> && !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

/// Chooses an algorithm: a tag (`ring{}`), a `choice`, `automatic{}`, or an algorithm of the caller's own.
template <class T>
concept algorithm_argument = !buffer<T>;

/// Unequal blocks, one per rank: how many elements each has and, where they do not lie one after the other, at which
/// element of the buffer each begins. Refers to the caller's vectors.
struct ragged {
    std::span<std::size_t const> counts;
    std::span<std::size_t const> displacements{};

    template <class R>
        requires std::convertible_to<R const&, std::span<std::size_t const>>
    ragged(R const& block_counts) : counts(block_counts) {}
    ragged(std::span<std::size_t const> block_counts, std::span<std::size_t const> block_displacements)
        : counts(block_counts), displacements(block_displacements) {}
};

namespace detail {

template <class R>
using element_of = std::remove_cv_t<std::ranges::range_value_t<R>>;

/// The part of the catalogue in which a tag's algorithm is.
template <collective What, class Tag>
constexpr std::span<catalogue_entry const> part_with() {
    if constexpr (std::is_same_v<Tag, hierarchical>) return catalogue<What>::entries;
    else return catalogue<What>::simple;
}
/// The place there of the entry that a tag names; past the end if there is none. No pointer: g++ does not take the
/// comparison of one for a constant where it instruments undefined behaviour.
template <collective What, class Tag>
constexpr std::size_t place_of_tag() {
    std::size_t place = 0;
    for (auto const& each : part_with<What, Tag>()) {
        if (each.name == Tag::name) break;
        ++place;
    }
    return place;
}
/// That entry alone: what the program needs of the catalogue.
template <collective What, class Tag>
inline constexpr std::array<catalogue_entry, 1> only_entry{part_with<What, Tag>()[place_of_tag<What, Tag>()]};

/// Those of the catalogue's entries that the argument may stand for: no other algorithm is compiled.
template <collective What, class How>
constexpr std::span<catalogue_entry const> entries_for() {
    if constexpr (std::is_same_v<How, automatic>) return catalogue<What>::simple;
    else if constexpr (algorithm_tag<How>) return only_entry<What, How>;
    else if constexpr (std::convertible_to<How const&, choice>) return catalogue<What>::entries;
    else return {};
}

/// The choice that an algorithm argument stands for; a name or an operator that cannot be is a compile error.
template <collective What, class T, class Op, class How>
choice choice_of(How const& how) {
    if constexpr (algorithm_tag<How>) {
        if constexpr (!std::is_same_v<How, automatic>) {
            constexpr auto place = place_of_tag<What, How>();
            constexpr auto exists = place < part_with<What, How>().size();
            static_assert(exists, "chorus: this collective has no algorithm of that name (see `chorus list`)");
            if constexpr (exists && !std::is_void_v<Op>)
                static_assert(part_with<What, How>()[place].keeps_order || facts_of<Op, T>().commutative,
                              "chorus: this algorithm reorders operands, and the operator is not known to be "
                              "commutative: wrap it in chorus::commutative(f) if it is");
        }
        return how;
    } else if constexpr (std::convertible_to<How const&, choice>) {
        return how;
    } else {
        return custom_choice<What, How>();
    }
}

[[noreturn, gnu::cold]] inline void wrong_size(communicator const& comm, collective what, std::initializer_list<text_part> problem) {
    misuse({"rank ", comm.rank(), ": ", name(what), ": ", text(problem)});
}
inline void require_size(communicator const& comm, collective what, char const* which, std::size_t has, std::size_t needs) {
    if (has != needs)
        wrong_size(comm, what, {"the ", which, " has ", has, " elements, ", needs, " are needed"});
}
inline void require_root(communicator const& comm, collective what, int root) {
    if (root < 0 || root >= comm.size())
        wrong_size(comm, what, {"the root is ", root, ", but ranks go from 0 to ", comm.size() - 1});
}
/// Refuses buffers that share memory; the same buffer twice is refused too: leave one out to work in place.
inline void require_disjoint(communicator const& comm, collective what, void const* a, std::size_t a_bytes, void const* b, std::size_t b_bytes) {
    std::less<char const*> const before;
    auto const *const first = static_cast<char const*>(a), *const second = static_cast<char const*>(b);
    if (a_bytes == 0 || b_bytes == 0) return;
    if (before(first, second + b_bytes) && before(second, first + a_bytes))
        wrong_size(comm, what, {"input and output overlap; to work in place, pass one buffer only"});
}
/// One count per rank, and blocks that lie inside the buffer; without displacements they fill it exactly.
inline void require_blocks(communicator const& comm, collective what, char const* which, std::size_t has, ragged const& blocks) {
    auto const ranks = static_cast<std::size_t>(comm.size());
    if (blocks.counts.size() != ranks)
        wrong_size(comm, what, {blocks.counts.size(), " counts for ", ranks, " ranks"});
    if (!blocks.displacements.empty() && blocks.displacements.size() != ranks)
        wrong_size(comm, what, {blocks.displacements.size(), " displacements for ", ranks, " ranks"});
    std::size_t sum = 0;
    for (std::size_t i = 0; i < ranks; ++i) {
        sum += blocks.counts[i];
        if (!blocks.displacements.empty() && (blocks.displacements[i] > has || blocks.counts[i] > has - blocks.displacements[i]))
            wrong_size(comm, what, {"block ", i, " does not lie inside the ", which});
    }
    if (blocks.displacements.empty()) require_size(comm, what, which, has, sum);
}

/// Blocks that are written do not overlap.
inline void require_separate(communicator const& comm, collective what, ragged const& blocks) {
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

inline std::size_t sum_of(ragged const& blocks) {
    std::size_t sum = 0;
    for (auto const each : blocks.counts) sum += each;
    return sum;
}

/// The parts of an operation that every collective has.
template <collective What, class T, class How>
operation base_operation(communicator const& comm, How const& how) {
    comm.require_valid();
    operation call;
    call.what = What;
    call.fold = copy_kernel<T>();
    call.how = choice_of<What, T, void>(how);
    call.entries = entries_for<What, How>();
    return call;
}
template <collective What, class T, class Op, class How>
operation base_operation(communicator const& comm, Op const& op, How const& how) {
    comm.require_valid();
    operation call;
    call.what = What;
    call.fold = make_kernel<T>(op);
    call.how = choice_of<What, T, Op>(how);
    call.entries = entries_for<What, How>();
    return call;
}

// How a call is finished: at once, later, or again and again. Operators with state are kept as long as that.
struct blocking {
    template <class Op>
    void operator()(communicator& comm, operation const& call, Op const&) const {
        comm.run(call);
    }
};
template <class Op>
std::shared_ptr<void const> keep_operator(operation& call, Op const& op) {
    if (call.fold.op == nullptr) return nullptr;
    auto kept = std::make_shared<Op const>(op);
    call.fold.op = kept.get();
    return kept;
}
struct asynchronous {
    template <class Op>
    request operator()(communicator& comm, operation call, Op const& op) const {
        auto const kept = keep_operator(call, op);
        return comm.start(call, kept);
    }
};
struct persistent {
    template <class Op>
    persistent_request operator()(communicator& comm, operation call, Op const& op) const {
        auto const kept = keep_operator(call, op);
        return comm.prepare_persistent(call, kept);
    }
};
/// Stands in for the operator where there is none.
struct no_operator {};

} // namespace detail
} // namespace chorus
