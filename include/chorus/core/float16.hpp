#pragma once
/// 16-bit floating point: `float16` (IEEE 754 binary16) and `bfloat16` (the upper half of a binary32).
///
/// They are storage: arithmetic and comparison go through float, and only an explicit conversion rounds.
/// The bit arithmetic is written once, for one value (here) and for a vector of them (kernel/block.hpp).

#include <cstdint>

namespace chorus {
namespace detail {

/// What the conversions below compute with: 32-bit words, the same as signed words, as floats.
struct scalar_words {
    using bits = std::uint32_t;
    using ints = std::int32_t;
    using real = float;
};

/// binary16 in the low half of each word -> binary32. Exact; a NaN keeps its payload. Subnormals are normalised by
/// a subtraction of normal numbers, so that flush-to-zero modes do not touch them.
template <class Words>
[[gnu::always_inline]] constexpr auto widen_half(typename Words::bits half) -> typename Words::bits {
    using bits = typename Words::bits;
    bits const magnitude = (half & 0x7fffu) << 13;
    bits const exponent = magnitude & 0x0f800000u;
    bits const extreme = magnitude + 0x70000000u;
    bits const normal = magnitude + 0x38000000u;
    bits const tiny =
        __builtin_bit_cast(bits, __builtin_bit_cast(typename Words::real, bits(magnitude + 0x38800000u)) - 0x1p-14f);
    bits const finite = exponent == 0u ? tiny : normal;
    bits const all = exponent == 0x0f800000u ? extreme : finite;
    return all | ((half & 0x8000u) << 16);
}

/// binary32 -> binary16 in the low half of each word. Rounds to nearest, ties to even, beyond 65504 to infinity;
/// a NaN stays one (quiet, with the upper bits of its payload).
/// Source: F. Giesen, "float->half variants", round-to-nearest-even form.
template <class Words>
[[gnu::always_inline]] constexpr auto narrow_half(typename Words::bits word) -> typename Words::bits {
    using bits = typename Words::bits;
    bits const magnitude = word & 0x7fffffffu;
    auto const ordered = __builtin_bit_cast(typename Words::ints, magnitude); // signed comparison is the cheap one
    bits const normal = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
    bits const zero = magnitude ^ magnitude;
    auto const is_tiny = ordered < 0x38800000;
    bits const addend = is_tiny ? magnitude : zero;
    bits const tiny = // the addition rounds where binary16's subnormals end
        __builtin_bit_cast(bits, __builtin_bit_cast(typename Words::real, addend) + 0.5f) - 0x3f000000u;
    bits const infinity = zero | 0x7c00u;
    bits const nan = ((magnitude >> 13) & 0x3ffu) | 0x7e00u;
    bits const finite = is_tiny ? tiny : normal;
    bits const number = ordered > 0x477fffff ? infinity : finite;
    bits const all = ordered > 0x7f800000 ? nan : number;
    return all | ((word >> 16) & 0x8000u);
}

/// bfloat16 in the low half of each word -> binary32. Exact.
template <class Words>
[[gnu::always_inline]] constexpr auto widen_brain(typename Words::bits half) -> typename Words::bits {
    return half << 16;
}

/// binary32 -> bfloat16 in the low half of each word. Rounds to nearest, ties to even; a NaN stays one (quiet).
template <class Words>
[[gnu::always_inline]] constexpr auto narrow_brain(typename Words::bits word) -> typename Words::bits {
    using bits = typename Words::bits;
    auto const ordered = __builtin_bit_cast(typename Words::ints, bits(word & 0x7fffffffu));
    bits const number = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
    bits const nan = (word >> 16) | 0x40u;
    return ordered > 0x7f800000 ? nan : number;
}

} // namespace detail

/// IEEE 754 binary16: 11 significant bits, largest finite value 65504.
class float16 {
public:
    float16() = default;
    /// Rounds to nearest, ties to even.
    explicit constexpr float16(float value)
        : bits_(static_cast<std::uint16_t>(
              detail::narrow_half<detail::scalar_words>(__builtin_bit_cast(std::uint32_t, value)))) {}
    static constexpr float16 from_bits(std::uint16_t bits) {
        float16 value{0.0f};
        value.bits_ = bits;
        return value;
    }

    constexpr operator float() const {
        return __builtin_bit_cast(float, detail::widen_half<detail::scalar_words>(bits_));
    }
    constexpr std::uint16_t bits() const { return bits_; }

private:
    std::uint16_t bits_;
};

/// The upper 16 bits of a binary32: 8 significant bits, the range of float.
class bfloat16 {
public:
    bfloat16() = default;
    /// Rounds to nearest, ties to even.
    explicit constexpr bfloat16(float value)
        : bits_(static_cast<std::uint16_t>(
              detail::narrow_brain<detail::scalar_words>(__builtin_bit_cast(std::uint32_t, value)))) {}
    static constexpr bfloat16 from_bits(std::uint16_t bits) {
        bfloat16 value{0.0f};
        value.bits_ = bits;
        return value;
    }

    constexpr operator float() const {
        return __builtin_bit_cast(float, detail::widen_brain<detail::scalar_words>(bits_));
    }
    constexpr std::uint16_t bits() const { return bits_; }

private:
    std::uint16_t bits_;
};

} // namespace chorus
