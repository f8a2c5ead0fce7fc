#pragma once
/// Blocks: the four registers that the folds load, combine and store at a time.
///
/// Written with the vector extensions that GCC and Clang share, so that the folds are vector code from -O1 on and not
/// at the mercy of a vectoriser. `Bytes` is the width of a register; 16 is what every x86-64 and AArch64 has.
/// Everything here is forced inline: a caller with `target("avx2")` and Bytes = 32 gets AVX2 code from the same text.

#include <chorus/core/element.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace chorus::detail {

template <class Lane, std::size_t Bytes>
struct vector_type {
    typedef Lane type __attribute__((vector_size(Bytes)));
};
template <class Lane, std::size_t Bytes>
using vector_of = typename vector_type<Lane, Bytes>::type;

/// The words of core/float16.hpp, a register full of them.
template <std::size_t Bytes>
struct vector_words {
    using bits = vector_of<std::uint32_t, Bytes>;
    using ints = vector_of<std::int32_t, Bytes>;
    using real = vector_of<float, Bytes>;
    using halves = vector_of<std::uint16_t, Bytes / 2>;
};

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

/// Four registers of elements of type Lane, 16-bit floats as floats. Bits are their unsigned words.
template <class Lane, std::size_t Bytes>
struct block {
    using lane = accumulator_t<Lane>;
    using word = typename word_type<sizeof(lane)>::type;
    using vector = vector_of<lane, Bytes>;
    using bits = vector_of<word, Bytes>;
    static constexpr std::size_t bytes = 4 * Bytes * sizeof(Lane) / sizeof(lane); ///< of the block in memory

    vector v0, v1, v2, v3;
};

/// Two registers of 16-bit words, each in the low half of a 32-bit word.
template <std::size_t Bytes>
struct word_pair {
    typename vector_words<Bytes>::bits low, high;
};

template <std::size_t Bytes>
[[gnu::always_inline]] inline word_pair<Bytes> load_words(unsigned char const* from) {
    using words = vector_words<Bytes>;
    if constexpr (Bytes == 16 && std::endian::native == std::endian::little) { // GCC 12 converts less directly
        vector_of<std::uint16_t, 16> both;
        __builtin_memcpy(&both, from, 16);
        auto const zero = both ^ both;
        auto const low = __builtin_shufflevector(both, zero, 0, 8, 1, 9, 2, 10, 3, 11);
        auto const high = __builtin_shufflevector(both, zero, 4, 12, 5, 13, 6, 14, 7, 15);
        return {__builtin_bit_cast(typename words::bits, low), __builtin_bit_cast(typename words::bits, high)};
    } else {
        typename words::halves low, high;
        __builtin_memcpy(&low, from, sizeof(low));
        __builtin_memcpy(&high, from + sizeof(low), sizeof(high));
        return {__builtin_convertvector(low, typename words::bits),
                __builtin_convertvector(high, typename words::bits)};
    }
}

template <std::size_t Bytes>
[[gnu::always_inline]] inline void store_words(unsigned char* to, word_pair<Bytes> const& pair) {
    using words = vector_words<Bytes>;
#if defined(__SSE2__)
    if constexpr (Bytes == 16) { // sign extension makes the saturating pack of SSE2 an exact one
        auto const low = __builtin_bit_cast(typename words::ints, pair.low << 16) >> 16;
        auto const high = __builtin_bit_cast(typename words::ints, pair.high << 16) >> 16;
        auto const both = __builtin_ia32_packssdw128(low, high);
        __builtin_memcpy(to, &both, 16);
        return;
    }
#endif
    auto const low = __builtin_convertvector(pair.low, typename words::halves);
    auto const high = __builtin_convertvector(pair.high, typename words::halves);
    __builtin_memcpy(to, &low, sizeof(low));
    __builtin_memcpy(to + sizeof(low), &high, sizeof(high));
}

template <class Lane, class Words>
[[gnu::always_inline]] inline auto widen(typename Words::bits half) -> typename Words::real {
    if constexpr (std::is_same_v<Lane, float16>)
        return __builtin_bit_cast(typename Words::real, widen_half<Words>(half));
    else
        return __builtin_bit_cast(typename Words::real, widen_brain<Words>(half));
}

template <class Lane, class Words>
[[gnu::always_inline]] inline auto narrow(typename Words::real value) -> typename Words::bits {
    auto const word = __builtin_bit_cast(typename Words::bits, value);
    if constexpr (std::is_same_v<Lane, float16>)
        return narrow_half<Words>(word);
    else
        return narrow_brain<Words>(word);
}

template <class Lane, std::size_t Bytes>
[[gnu::always_inline]] inline block<Lane, Bytes> load_block(unsigned char const* from) {
    if constexpr (is_small_float<Lane>) {
        using words = vector_words<Bytes>;
        auto const one = load_words<Bytes>(from), two = load_words<Bytes>(from + Bytes);
        return {widen<Lane, words>(one.low), widen<Lane, words>(one.high), widen<Lane, words>(two.low),
                widen<Lane, words>(two.high)};
    } else {
        block<Lane, Bytes> value;
        __builtin_memcpy(&value.v0, from, Bytes);
        __builtin_memcpy(&value.v1, from + Bytes, Bytes);
        __builtin_memcpy(&value.v2, from + 2 * Bytes, Bytes);
        __builtin_memcpy(&value.v3, from + 3 * Bytes, Bytes);
        return value;
    }
}

template <class Lane, std::size_t Bytes>
[[gnu::always_inline]] inline void store_block(unsigned char* to, block<Lane, Bytes> const& value) {
    if constexpr (is_small_float<Lane>) {
        using words = vector_words<Bytes>;
        store_words<Bytes>(to, {narrow<Lane, words>(value.v0), narrow<Lane, words>(value.v1)});
        store_words<Bytes>(to + Bytes, {narrow<Lane, words>(value.v2), narrow<Lane, words>(value.v3)});
    } else {
        __builtin_memcpy(to, &value.v0, Bytes);
        __builtin_memcpy(to + Bytes, &value.v1, Bytes);
        __builtin_memcpy(to + 2 * Bytes, &value.v2, Bytes);
        __builtin_memcpy(to + 3 * Bytes, &value.v3, Bytes);
    }
}

/// The last `bytes` bytes of a buffer, fewer than a block, filled up with zeros.
template <class Lane, std::size_t Bytes>
[[gnu::always_inline]] inline block<Lane, Bytes> load_tail(unsigned char const* from, std::size_t bytes) {
    unsigned char whole[block<Lane, Bytes>::bytes] = {};
    __builtin_memcpy(whole, from, bytes);
    return load_block<Lane, Bytes>(whole);
}

template <class Lane, std::size_t Bytes>
[[gnu::always_inline]] inline void store_tail(unsigned char* to, block<Lane, Bytes> const& value, std::size_t bytes) {
    unsigned char whole[block<Lane, Bytes>::bytes];
    store_block<Lane, Bytes>(whole, value);
    __builtin_memcpy(to, whole, bytes);
}

} // namespace chorus::detail
