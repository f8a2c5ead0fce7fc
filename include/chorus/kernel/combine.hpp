/// What the standard operators do to registers. Part of kernel/fold.hpp, like kernel/block.hpp.
///
/// No multiplication meets an addition here, so that no compiler can contract them where the processor could: every
/// instruction set gives the same bits.

#if !defined(CHORUS_ISA)
#include <chorus/kernel/fold.hpp>
#else

namespace chorus::detail::CHORUS_ISA {

/// IEEE 754-2019 minimum and maximum of floating-point lanes. The hardware's `a < b ? a : b` keeps b where the
/// operands are equal or unordered; both orders together, or-ed or and-ed, pick the right zero, and what is unordered
/// becomes the one NaN of `chorus::minimum`.
template <class Bits, bool Smaller, class Vector>
[[gnu::always_inline]] inline Vector extreme(Vector left, Vector right) {
    Vector const one = Smaller ? (left < right ? left : right) : (left > right ? left : right);
    Vector const two = Smaller ? (right < left ? right : left) : (right > left ? right : left);
    auto const first = __builtin_bit_cast(Bits, one), second = __builtin_bit_cast(Bits, two);
    Bits const number = Smaller ? (first | second) : (first & second);
    auto const ordered = __builtin_bit_cast(Bits, left == left) & __builtin_bit_cast(Bits, right == right);
    auto const nan = __builtin_bit_cast(Bits, Vector{} + static_cast<decltype(left[0] + 0)>(__builtin_nanf("")));
    return __builtin_bit_cast(Vector, (number & ordered) | (nan & ~ordered));
}

/// Lanes that are not zero, as 0 and 1.
template <class Bits, operator_id Op, class Vector>
[[gnu::always_inline]] inline Vector truth(Vector left, Vector right) {
    auto const a = __builtin_bit_cast(Bits, left != Vector{}), b = __builtin_bit_cast(Bits, right != Vector{});
    Bits const both = Op == operator_id::logical_and ? a & b : Op == operator_id::logical_or ? a | b : a ^ b;
    auto const one = __builtin_bit_cast(Bits, Vector{} + static_cast<std::remove_cvref_t<decltype(left[0])>>(1));
    return __builtin_bit_cast(Vector, both & one);
}

/// left op right, lane by lane. Integer lanes of plus and multiplies are unsigned and wrap; bit lanes are unsigned.
template <operator_id Op, class Bits, class Vector>
[[gnu::always_inline]] inline Vector combine(Vector left, Vector right) {
    using enum operator_id;
    constexpr bool real = std::floating_point<std::remove_cvref_t<decltype(left[0])>>;
    if constexpr (Op == plus)
        return left + right;
    else if constexpr (Op == multiplies)
        return left * right;
    else if constexpr (Op == min && real)
        return extreme<Bits, true>(left, right);
    else if constexpr (Op == max && real)
        return extreme<Bits, false>(left, right);
    else if constexpr (Op == min)
        return right < left ? right : left;
    else if constexpr (Op == max)
        return left < right ? right : left;
    else if constexpr (Op == bit_and)
        return left & right;
    else if constexpr (Op == bit_or)
        return left | right;
    else if constexpr (Op == bit_xor)
        return left ^ right;
    else
        return truth<Bits, Op>(left, right);
}

template <operator_id Op, class Lane>
[[gnu::always_inline]] inline block<Lane> combine_blocks(block<Lane> const& left, block<Lane> const& right) {
    using bits = typename block<Lane>::bits;
    return {combine<Op, bits>(left.v0, right.v0), combine<Op, bits>(left.v1, right.v1),
            combine<Op, bits>(left.v2, right.v2), combine<Op, bits>(left.v3, right.v3)};
}

} // namespace chorus::detail::CHORUS_ISA

#endif
