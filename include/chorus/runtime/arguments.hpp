#pragma once
/// From a user's ranges, operators and tags to an `operation`: types are checked by the compiler, sizes before anything
/// moves.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/tags.hpp>
#include <chorus/core/compiled.hpp>
#include <chorus/core/text.hpp>
#include <chorus/kernel/kernel.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/operation.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace chorus {

namespace detail {

/// std::vector<bool>: no buffer, but taken for one until `address_of` can say why it is none.
template <class R>
concept packed_booleans = !std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                          std::same_as<std::ranges::range_value_t<R>, bool> && requires(std::remove_cvref_t<R>& bits) { bits.flip(); };

} // namespace detail

/// A range whose elements lie one after the other and whose size is known: std::vector, std::array, std::span, ...
template <class R>
concept buffer = (std::ranges::contiguous_range<R> && std::ranges::sized_range<R>) || detail::packed_booleans<R>;

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

/// Where a buffer's elements are. A call that ends later than it returns (`KeepsBuffers`) refuses a temporary that owns them.
template <bool KeepsBuffers, class R>
constexpr auto* address_of(R&& what) {
    static_assert(!packed_booleans<R>, "chorus: std::vector<bool> has no elements of type bool in memory: use a vector of char, or an array of bool");
    static_assert(!KeepsBuffers || std::ranges::borrowed_range<R>,
                  "chorus: an asynchronous or persistent call would use this temporary after its end: pass a variable, "
                  "or a span or other borrowed range of memory that lives as long");
    if constexpr (packed_booleans<R>) return static_cast<bool*>(nullptr);
    else return std::ranges::data(what);
}

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
template <collective What, class Tag>
inline constexpr bool has_tag = place_of_tag<What, Tag>() < part_with<What, Tag>().size();
/// That entry alone: what the program needs of the catalogue.
template <collective What, class Tag>
    requires has_tag<What, Tag>
inline constexpr std::array<catalogue_entry, 1> only_entry{part_with<What, Tag>()[place_of_tag<What, Tag>()]};

/// Those of the catalogue's entries that the argument may stand for: no other algorithm is compiled, and none where a library has them.
template <collective What, class How>
std::span<catalogue_entry const> entries_for() {
#ifdef CHORUS_COMPILED
    if constexpr (std::is_same_v<How, automatic>) return compiled_entries(What, false);
    else if constexpr (std::convertible_to<How const&, choice>) return compiled_entries(What, true);
    else return {};
#else
    if constexpr (std::is_same_v<How, automatic>) return catalogue<What>::simple;
    else if constexpr (algorithm_tag<How>) {
        if constexpr (has_tag<What, How>) return only_entry<What, How>;
        else return {}; // choice_of says why
    }
    else if constexpr (std::convertible_to<How const&, choice>) return catalogue<What>::entries;
    else return {};
#endif
}

/// The choice that an algorithm argument stands for; a name or an operator that cannot be is a compile error.
template <collective What, class T, class Op, class How>
choice choice_of(How const& how) {
    if constexpr (algorithm_tag<How>) {
        if constexpr (!std::is_same_v<How, automatic>) {
            constexpr auto exists = has_tag<What, How>;
            static_assert(exists, "chorus: this collective has no algorithm of that name (see `chorus list`)");
            if constexpr (exists && !std::is_void_v<Op>)
                static_assert(only_entry<What, How>[0].keeps_order || facts_of<Op, T>().commutative,
                              "chorus: this algorithm reorders operands, and the operator is not known to be "
                              "commutative: wrap it in chorus::commutative(f) if it is");
        }
        return how;
    } else if constexpr (std::convertible_to<How const&, choice>) {
        return how;
    } else {
        static_assert(custom_algorithm<How, What>, "chorus: this is no algorithm: pass a tag such as chorus::ring{}, a chorus::choice, or a "
                                                   "callable without state that speaks to a sink (algorithm/custom.hpp)");
        if constexpr (custom_algorithm<How, What>) return custom_choice<What, How>();
        else return {};
    }
}

[[noreturn]] void wrong_size(communicator const& comm, collective what, std::initializer_list<text_part> problem);
void require_size(communicator const& comm, collective what, char const* which, std::size_t has, std::size_t needs);
void require_root(communicator const& comm, collective what, int root);
/// Refuses buffers that share memory; the same buffer twice is refused too: leave one out to work in place.
void require_disjoint(communicator const& comm, collective what, void const* a, std::size_t a_bytes, void const* b, std::size_t b_bytes);
/// One count per rank, and blocks that lie inside the buffer; without displacements they fill it exactly.
void require_blocks(communicator const& comm, collective what, char const* which, std::size_t has, ragged const& blocks);
/// Blocks that are written do not overlap.
void require_separate(communicator const& comm, collective what, ragged const& blocks);
std::size_t sum_of(ragged const& blocks);

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
    static constexpr bool keeps_buffers = false;
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
    static constexpr bool keeps_buffers = true;
    template <class Op>
    request operator()(communicator& comm, operation call, Op const& op) const {
        auto const kept = keep_operator(call, op);
        return comm.start(call, kept);
    }
};
struct persistent {
    static constexpr bool keeps_buffers = true;
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

#if CHORUS_DEFINE
#include <chorus/runtime/check.hpp>
#endif
