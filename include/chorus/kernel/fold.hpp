#pragma once
/// Folds: out[i] = a[i] op b[i] op ..., over one or more sources into one or more outputs, in one pass.
///
/// Standard operators on numbers run over blocks of registers, all else element by element. An element type and an
/// operator are first reduced to lanes (a `long` sum and an `unsigned long long` sum are one function), so that a
/// program holds few of these loops.
///
/// The loops are compiled once per instruction set, from one text (block.hpp, combine.hpp, loops.hpp), and chosen when the
/// program runs: nobody needs to pass -march. A pragma, since an attribute on the outermost function does not reach
/// the vectors in the functions that GCC inlines into it.
///
/// Cost per byte of result: k bytes read and d written for k sources and d outputs; memory-bound for all types.

#include <chorus/kernel/lanes.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#define CHORUS_ISA base
#define CHORUS_REGISTER 16
#include <chorus/kernel/block.hpp>
#include <chorus/kernel/combine.hpp>
#include <chorus/kernel/loops.hpp>
#undef CHORUS_ISA
#undef CHORUS_REGISTER

#if CHORUS_HAS_X86
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,f16c")
#endif
#define CHORUS_ISA avx2
#define CHORUS_REGISTER 32
#include <chorus/kernel/block.hpp>
#include <chorus/kernel/combine.hpp>
#include <chorus/kernel/loops.hpp>
#undef CHORUS_ISA
#undef CHORUS_REGISTER
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

namespace chorus::detail {

/// One source: nothing is combined. Copies keep the bits of every NaN.
inline void copy_rows(fold_rows const& what, std::size_t bytes) {
    for (int i = 0; i < what.out_count; ++i)
        if (what.outs[i] != what.sources[0]) __builtin_memcpy(what.outs[i], what.sources[0], bytes);
}

template <element_id Id, operator_id Op, std::size_t PerElement>
void fold_lanes(void const*, fold_rows const& what) {
    using lane = typename lane_type<Id>::type;
    auto const bytes = what.count * PerElement * sizeof(lane);
    if (what.source_count == 1 && what.scale == 1 && what.divisor == 1) return copy_rows(what, bytes);
#if CHORUS_HAS_X86
    constexpr std::size_t worth_it = is_small_float<lane> ? 0 : 512; // below, wide blocks are mostly tail
    if (bytes >= worth_it && fold_instructions == instruction_set::avx2) return avx2::fold<lane, Op>(what, bytes);
#endif
    base::fold<lane, Op>(what, bytes);
}

template <element_id Id, std::size_t PerElement>
void divide_lanes(void* data, std::size_t count, int ranks) {
    using lane = typename lane_type<Id>::type;
    auto* const bytes = static_cast<unsigned char*>(data);
#if CHORUS_HAS_X86
    if (fold_instructions == instruction_set::avx2) return avx2::divide<lane>(bytes, count * PerElement * sizeof(lane), ranks);
#endif
    base::divide<lane>(bytes, count * PerElement * sizeof(lane), ranks);
}

/// A callable without state is made where it is used, so that nobody has to keep one alive.
template <class Op>
inline constexpr bool is_stateless = (std::is_empty_v<Op> && std::is_default_constructible_v<Op>);

template <class T, class Op>
void fold_pair(void const* op, T* out, T const* left, T const* right, std::size_t count) {
    if constexpr (is_stateless<Op>) {
        Op const function{};
        for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<T>(function(left[i], right[i]));
    } else {
        auto const& function = *static_cast<Op const*>(op);
        for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<T>(function(left[i], right[i]));
    }
}

/// Two sources at a time, a piece that stays in L1 after the other: the compiler sees one loop, and the bits are those of
/// k - 1 folds, whatever it contracts. Pieces are kept apart from the outputs, which may be sources.
template <class T, class Op>
void fold_each(void const* op, fold_rows const& what) {
    auto const source = [&](int j) { return static_cast<T const*>(what.sources[j]); };
    if (what.source_count == 1) return copy_rows(what, what.count * sizeof(T));
    if (what.source_count == 2 && what.out_count == 1)
        return fold_pair<T, Op>(op, static_cast<T*>(what.outs[0]), source(0), source(1), what.count);
    constexpr std::size_t piece = sizeof(T) < 2048 ? 2048 / sizeof(T) : 1;
    alignas(T) unsigned char memory[piece * sizeof(T)];
    auto* const result = reinterpret_cast<T*>(memory);
    for (std::size_t first = 0; first < what.count; first += piece) {
        auto const length = std::min(piece, what.count - first);
        auto const* left = source(0) + first;
        for (int j = 1; j < what.source_count; ++j, left = result)
            fold_pair<T, Op>(op, result, left, source(j) + first, length);
        for (int i = 0; i < what.out_count; ++i)
            __builtin_memcpy(static_cast<void*>(static_cast<T*>(what.outs[i]) + first), result, length * sizeof(T));
    }
}

/// data[i] /= ranks, for what has no lanes to divide: integers (which truncate) and long double.
template <class T>
void divide_each(void* data, std::size_t count, int ranks) {
    auto* const values = static_cast<T*>(data);
    for (std::size_t i = 0; i < count; ++i) {
        if constexpr (std::floating_point<T>)
            values[i] /= static_cast<T>(ranks);
        else if constexpr (!std::is_integral_v<T>)
            values[i] /= static_cast<typename complex_part<T>::type>(ranks);
        else {
            using narrow = std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>;
            using wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
            using word = std::conditional_t<sizeof(T) <= 4, narrow, wide>;
            values[i] = static_cast<T>(static_cast<word>(values[i]) / static_cast<word>(ranks));
        }
    }
}

} // namespace chorus::detail
