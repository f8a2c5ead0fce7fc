#pragma once
/// Folds: out[i] = a[i] op b[i] op ..., over two or more sources in one pass.
///
/// Standard operators on numbers run over blocks of registers, all else element by element. An element type and an
/// operator are first reduced to lanes (a `long` sum and an `unsigned long long` sum are one function), so that a
/// program holds few of these loops. `out` may be one of the sources, exactly; it may not overlap one otherwise.
///
/// Cost per byte of result: k bytes read and one written for k sources; memory-bound for all but 16-bit floats.

#include <chorus/kernel/combine.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace chorus::detail {

/// How an operator runs over registers: on which lanes, with which operation, and how many lanes to the element.
/// `lane` is `other` where it does not: then elements are folded one by one.
struct lane_plan {
    element_id lane = element_id::other;
    operator_id operation = operator_id::custom;
    std::uint8_t per_element = 1;
};

/// Booleans are bytes that are 0 or 1: every operator on them is one of three bit operators.
constexpr operator_id on_booleans(operator_id what) {
    using enum operator_id;
    if (what == plus || what == max || what == logical_or || what == bit_or) return bit_or;
    if (what == multiplies || what == min || what == logical_and || what == bit_and) return bit_and;
    return bit_xor;
}

constexpr lane_plan plan_lanes(element_id on, operator_id what) {
    if (what == operator_id::custom) return {};
    if (what == operator_id::average) what = operator_id::plus;
    if (on == element_id::boolean) return {element_id::uint8, on_booleans(what)};
    if (on == element_id::byte) return {element_id::uint8, what};
    if (is_signed_integer(on) && what != operator_id::min && what != operator_id::max)
        return {static_cast<element_id>(static_cast<int>(on) + 1), what};
    if (is_integer(on)) return {on, what};
    if (is_real(on) && on != element_id::float_ext) return {on, what};
    if (on == element_id::complex64 && what == operator_id::plus) return {element_id::float32, what, 2};
    if (on == element_id::complex128 && what == operator_id::plus) return {element_id::float64, what, 2};
    return {};
}

template <element_id Id>
struct lane_type;
template <>
struct lane_type<element_id::int8> {
    using type = std::int8_t;
};
template <>
struct lane_type<element_id::uint8> {
    using type = std::uint8_t;
};
template <>
struct lane_type<element_id::int16> {
    using type = std::int16_t;
};
template <>
struct lane_type<element_id::uint16> {
    using type = std::uint16_t;
};
template <>
struct lane_type<element_id::int32> {
    using type = std::int32_t;
};
template <>
struct lane_type<element_id::uint32> {
    using type = std::uint32_t;
};
template <>
struct lane_type<element_id::int64> {
    using type = std::int64_t;
};
template <>
struct lane_type<element_id::uint64> {
    using type = std::uint64_t;
};
template <>
struct lane_type<element_id::float16> {
    using type = float16;
};
template <>
struct lane_type<element_id::bfloat16> {
    using type = bfloat16;
};
template <>
struct lane_type<element_id::float32> {
    using type = float;
};
template <>
struct lane_type<element_id::float64> {
    using type = double;
};

/// out[i] = left[i] op right[i] over `bytes` bytes.
template <class Lane, operator_id Op, std::size_t Bytes>
[[gnu::always_inline]] inline void fold_blocks(unsigned char* out, unsigned char const* left,
                                               unsigned char const* right, std::size_t bytes) {
    constexpr auto step = block<Lane, Bytes>::bytes;
    for (; bytes >= step; bytes -= step, out += step, left += step, right += step)
        store_block(out, combine<Op>(load_block<Lane, Bytes>(left), load_block<Lane, Bytes>(right)));
    if (bytes == 0) return;
    auto const rest = combine<Op>(load_tail<Lane, Bytes>(left, bytes), load_tail<Lane, Bytes>(right, bytes));
    store_tail(out, rest, bytes);
}

/// out[i] = (...(s0[i] op s1[i]) op ...) op s(k-1)[i]: the running result stays in registers, 16-bit floats as floats,
/// and is rounded once.
template <class Lane, operator_id Op, std::size_t Bytes>
[[gnu::always_inline]] inline void fold_blocks(unsigned char* out, void const* const* sources, int k,
                                               std::size_t bytes) {
    constexpr auto step = block<Lane, Bytes>::bytes;
    auto const source = [&](int j) { return static_cast<unsigned char const*>(sources[j]); };
    std::size_t at = 0;
    for (; bytes - at >= step; at += step) {
        auto result = load_block<Lane, Bytes>(source(0) + at);
        for (int j = 1; j < k; ++j) result = combine<Op>(result, load_block<Lane, Bytes>(source(j) + at));
        store_block(out + at, result);
    }
    auto const rest = bytes - at;
    if (rest == 0) return;
    auto result = load_tail<Lane, Bytes>(source(0) + at, rest);
    for (int j = 1; j < k; ++j) result = combine<Op>(result, load_tail<Lane, Bytes>(source(j) + at, rest));
    store_tail(out + at, result, rest);
}

/// The width that needs no look at the processor.
inline constexpr std::size_t base_width = 16;

template <element_id Id, operator_id Op, std::size_t PerElement>
void fold_lanes(void const*, void* out, void const* left, void const* right, std::size_t count) {
    using lane = typename lane_type<Id>::type;
    fold_blocks<lane, Op, base_width>(static_cast<unsigned char*>(out), static_cast<unsigned char const*>(left),
                                      static_cast<unsigned char const*>(right), count * PerElement * sizeof(lane));
}

template <element_id Id, operator_id Op, std::size_t PerElement>
void fold_many_lanes(void const*, void* out, void const* const* sources, int k, std::size_t count) {
    using lane = typename lane_type<Id>::type;
    fold_blocks<lane, Op, base_width>(static_cast<unsigned char*>(out), sources, k, count * PerElement * sizeof(lane));
}

/// A callable without state is made where it is used, so that nobody has to keep one alive.
template <class Op>
inline constexpr bool is_stateless = (std::is_empty_v<Op> && std::is_default_constructible_v<Op>);

template <class T, class Op>
void fold_each(void const* op, void* out, void const* left, void const* right, std::size_t count) {
    auto const fold = [&](Op const& function) {
        auto* const to = static_cast<T*>(out);
        auto const *const a = static_cast<T const*>(left), *const b = static_cast<T const*>(right);
        for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(function(a[i], b[i]));
    };
    if constexpr (is_stateless<Op>)
        fold(Op{});
    else
        fold(*static_cast<Op const*>(op));
}

/// Two sources at a time through `fold_each`, a piece that stays in L1 after the other: the compiler sees one loop, and
/// the bits are those of k - 1 folds, whatever it contracts. Pieces are kept apart from `out`, which may be a source.
template <class T, class Op>
void fold_many_each(void const* op, void* out, void const* const* sources, int k, std::size_t count) {
    constexpr std::size_t piece = sizeof(T) < 2048 ? 2048 / sizeof(T) : 1;
    alignas(T) unsigned char result[piece * sizeof(T)];
    for (std::size_t first = 0; first < count; first += piece) {
        auto const length = count - first < piece ? count - first : piece;
        auto const source = [&](int j) { return static_cast<T const*>(sources[j]) + first; };
        void const* left = source(0);
        for (int j = 1; j < k; ++j, left = result) fold_each<T, Op>(op, result, left, source(j), length);
        auto* const to = static_cast<T*>(out) + first;
        if (left != to) __builtin_memcpy(static_cast<void*>(to), left, length * sizeof(T));
    }
}

/// Every lane divided by `ranks`, 16-bit floats in float.
template <class Lane, std::size_t Bytes>
[[gnu::always_inline]] inline void divide_blocks(unsigned char* data, std::size_t bytes, int ranks) {
    using group = block<Lane, Bytes>;
    auto const divisor = static_cast<typename group::lane>(ranks);
    auto const divided = [&](group const& all) -> group {
        return {all.v0 / divisor, all.v1 / divisor, all.v2 / divisor, all.v3 / divisor};
    };
    for (; bytes >= group::bytes; bytes -= group::bytes, data += group::bytes)
        store_block(data, divided(load_block<Lane, Bytes>(data)));
    if (bytes != 0) store_tail(data, divided(load_tail<Lane, Bytes>(data, bytes)), bytes);
}

template <element_id Id, std::size_t PerElement>
void divide_lanes(void* data, std::size_t count, int ranks) {
    using lane = typename lane_type<Id>::type;
    divide_blocks<lane, base_width>(static_cast<unsigned char*>(data), count * PerElement * sizeof(lane), ranks);
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
