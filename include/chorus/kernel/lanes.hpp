#pragma once
/// Lanes: how an element type and an operator run over registers, and what a fold is told.

#include <chorus/core/element.hpp>
#include <chorus/core/operators.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__x86_64__)
#include <cpuid.h>
#define CHORUS_HAS_X86 1
#else
#define CHORUS_HAS_X86 0
#endif

namespace chorus {

/// out[i] = (...(s0[i] op s1[i]) op ...) op s(k-1)[i], into every output, in one pass over all memory. An output may be
/// one of the sources, exactly; otherwise nothing overlaps an output.
struct fold_rows {
    void const* const* sources = nullptr;
    int source_count = 0; ///< k >= 1
    void* const* outs = nullptr;
    int out_count = 0;
    std::size_t count = 0;    ///< elements
    bool rounds_each = false; ///< 16-bit floats are rounded after every operation, as k - 1 folds would; otherwise once
    bool streams = false;     ///< the outputs are written past the caches, where the processor can
    float scale = 1;          ///< of 16-bit floats every source is multiplied by it before it is folded,
    float divisor = 1;        ///< and the result divided by this one before it is rounded
};

namespace detail {

/// The mean over `ranks` without a sum that is larger than the largest operand: sources times a power of two, which is exact, and
/// the result divided by what is left, more than a half.
constexpr void set_mean(fold_rows& what, int ranks) {
    auto const power = static_cast<float>(std::bit_ceil(static_cast<unsigned>(ranks)));
    what.scale = 1 / power;
    what.divisor = static_cast<float>(ranks) / power;
}

} // namespace detail

namespace detail {

/// Which instructions the folds are written in. All of them give the same bits.
enum class instruction_set : std::uint8_t {
    base, ///< what every processor of the architecture has: SSE2, Neon
    avx2, ///< AVX2 and F16C
};

inline instruction_set best_instructions() {
#if CHORUS_HAS_X86
    unsigned a = 0, b = 0, c = 0, d = 0; // clang 14 does not know F16C by name
    auto const f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
    if (f16c && __builtin_cpu_supports("avx2") != 0) return instruction_set::avx2;
#endif
    return instruction_set::base;
}

/// What folds run on: found out once, before main. Tests set it, while nothing else runs.
inline instruction_set fold_instructions = best_instructions();

template <class Lane, std::size_t Bytes>
struct vector_type {
    typedef Lane type __attribute__((vector_size(Bytes)));
};
template <class Lane, std::size_t Bytes>
using vector_of = typename vector_type<Lane, Bytes>::type;

template <std::size_t Size>
struct word_type;
template <>
struct word_type<1> {
    using type = std::uint8_t;
};
template <>
struct word_type<2> {
    using type = std::uint16_t;
};
template <>
struct word_type<4> {
    using type = std::uint32_t;
};
template <>
struct word_type<8> {
    using type = std::uint64_t;
};

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

/// The first of the types that has that number.
template <element_id Id, class... Types>
struct type_of_id;
template <element_id Id, class First, class... Rest>
struct type_of_id<Id, First, Rest...> : std::conditional_t<element_id_of<First> == Id, std::type_identity<First>, type_of_id<Id, Rest...>> {};
template <element_id Id>
struct lane_type : type_of_id<Id, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t,
                              std::uint64_t, float16, bfloat16, float, double> {};

} // namespace detail

} // namespace chorus
