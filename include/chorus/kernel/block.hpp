/// Blocks: the four registers that the folds load, combine and store at a time. Part of kernel/fold.hpp, which includes
/// this once per instruction set: CHORUS_ISA is its namespace, CHORUS_REGISTER the bytes of a register.
///
/// Written with the vector extensions that GCC and Clang share, so that the folds are vector code from -O1 on and not
/// at the mercy of a vectoriser.

#if !defined(CHORUS_ISA)
#include <chorus/kernel/fold.hpp>
#else

namespace chorus::detail::CHORUS_ISA {

inline constexpr std::size_t width = CHORUS_REGISTER;

using word_bits = vector_of<std::uint32_t, width>;
using word_ints = vector_of<std::int32_t, width>;
using word_reals = vector_of<float, width>;
using halves = vector_of<std::uint16_t, width / 2>;

/// Four registers of elements of type Lane, 16-bit floats as floats. Bits are their unsigned words.
template <class Lane>
struct block {
    using lane = accumulator_t<Lane>;
    using word = typename word_type<sizeof(lane)>::type;
    using vector = vector_of<lane, width>;
    using bits = vector_of<word, width>;
    static constexpr std::size_t bytes = 4 * width * sizeof(Lane) / sizeof(lane); ///< of the block in memory

    vector v0, v1, v2, v3;
};

/// As in core/float16.hpp, whose scalar text GCC would compile for narrow registers here.
[[gnu::always_inline]] inline word_bits narrow_brain(word_bits word) {
    auto const ordered = __builtin_bit_cast(word_ints, word_bits(word & 0x7fffffffu));
    word_bits const number = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
    word_bits const nan = (word >> 16) | 0x40u;
    return ordered > 0x7f800000 ? nan : number;
}

#if CHORUS_REGISTER == 16

/// The words of core/float16.hpp, a register full of them.
struct words {
    using bits = word_bits;
    using ints = word_ints;
    using real = word_reals;
};

/// Eight 16-bit floats as two registers of floats.
template <class Lane>
[[gnu::always_inline]] inline void load_small(unsigned char const* from, word_reals& low, word_reals& high) {
    word_bits one, two;
    if constexpr (std::endian::native == std::endian::little) { // GCC 12 converts less directly
        vector_of<std::uint16_t, 16> both;
        __builtin_memcpy(&both, from, 16);
        auto const zero = both ^ both;
        one = __builtin_bit_cast(word_bits, __builtin_shufflevector(both, zero, 0, 8, 1, 9, 2, 10, 3, 11));
        two = __builtin_bit_cast(word_bits, __builtin_shufflevector(both, zero, 4, 12, 5, 13, 6, 14, 7, 15));
    } else {
        halves first, second;
        __builtin_memcpy(&first, from, 8);
        __builtin_memcpy(&second, from + 8, 8);
        one = __builtin_convertvector(first, word_bits);
        two = __builtin_convertvector(second, word_bits);
    }
    if constexpr (std::is_same_v<Lane, float16>) {
        low = __builtin_bit_cast(word_reals, widen_half<words>(one));
        high = __builtin_bit_cast(word_reals, widen_half<words>(two));
    } else {
        low = __builtin_bit_cast(word_reals, one << 16);
        high = __builtin_bit_cast(word_reals, two << 16);
    }
}

template <class Lane>
[[gnu::always_inline]] inline void store_small(unsigned char* to, word_reals low, word_reals high) {
    auto one = __builtin_bit_cast(word_bits, low), two = __builtin_bit_cast(word_bits, high);
    if constexpr (std::is_same_v<Lane, float16>) {
        one = narrow_half<words>(one);
        two = narrow_half<words>(two);
    } else {
        one = narrow_brain(one);
        two = narrow_brain(two);
    }
#if defined(__SSE2__) // sign extension makes the saturating pack of SSE2 an exact one
    auto const both = __builtin_ia32_packssdw128(__builtin_bit_cast(word_ints, one << 16) >> 16,
                                                 __builtin_bit_cast(word_ints, two << 16) >> 16);
    __builtin_memcpy(to, &both, 16);
#else
    auto const first = __builtin_convertvector(one, halves), second = __builtin_convertvector(two, halves);
    __builtin_memcpy(to, &first, 8);
    __builtin_memcpy(to + 8, &second, 8);
#endif
}

#else

/// Sixteen 16-bit floats as two registers of floats. F16C rounds and keeps NaNs as core/float16.hpp does.
template <class Lane>
[[gnu::always_inline]] inline word_reals load_half_register(unsigned char const* from) {
    halves small;
    __builtin_memcpy(&small, from, sizeof(small));
    if constexpr (std::is_same_v<Lane, float16>) {
#if defined(__clang__)
        typedef __fp16 hardware __attribute__((vector_size(width / 2)));
        return __builtin_convertvector(__builtin_bit_cast(hardware, small), word_reals);
#else
        return __builtin_ia32_vcvtph2ps256(__builtin_bit_cast(vector_of<short, 16>, small));
#endif
    } else {
#if defined(__clang__)
        return __builtin_bit_cast(word_reals, __builtin_convertvector(small, word_bits) << 16);
#else // GCC 12 converts in two halves
        auto const wide = __builtin_ia32_pmovzxwd256(__builtin_bit_cast(vector_of<short, 16>, small));
        return __builtin_bit_cast(word_reals, __builtin_bit_cast(word_bits, wide) << 16);
#endif
    }
}
template <class Lane>
[[gnu::always_inline]] inline void load_small(unsigned char const* from, word_reals& low, word_reals& high) {
    low = load_half_register<Lane>(from);
    high = load_half_register<Lane>(from + width / 2);
}

template <class Lane>
[[gnu::always_inline]] inline void store_small(unsigned char* to, word_reals low, word_reals high) {
    if constexpr (std::is_same_v<Lane, float16>) {
        auto const one = __builtin_ia32_vcvtps2ph256(low, 0), two = __builtin_ia32_vcvtps2ph256(high, 0);
        __builtin_memcpy(to, &one, width / 2);
        __builtin_memcpy(to + width / 2, &two, width / 2);
    } else { // packed within each half of the registers, then put in order
        auto const both = __builtin_ia32_packusdw256(
            __builtin_bit_cast(word_ints, narrow_brain(__builtin_bit_cast(word_bits, low))),
            __builtin_bit_cast(word_ints, narrow_brain(__builtin_bit_cast(word_bits, high))));
        auto const quarters = __builtin_bit_cast(vector_of<long long, width>, both);
        auto const ordered = __builtin_shufflevector(quarters, quarters, 0, 2, 1, 3);
        __builtin_memcpy(to, &ordered, width);
    }
}

#endif

/// What a 16-bit float is after it was stored and loaded.
template <class Lane>
[[gnu::always_inline]] inline word_reals rounded(word_reals value) {
    auto const word = __builtin_bit_cast(word_bits, value);
    if constexpr (std::is_same_v<Lane, bfloat16>) {
        return __builtin_bit_cast(word_reals, narrow_brain(word) << 16);
    } else {
#if CHORUS_REGISTER == 16
        return __builtin_bit_cast(word_reals, widen_half<words>(narrow_half<words>(word)));
#else
        unsigned char small[width / 2];
        auto const stored = __builtin_ia32_vcvtps2ph256(value, 0);
        __builtin_memcpy(small, &stored, sizeof(small));
        return load_half_register<Lane>(small);
#endif
    }
}

template <class Lane>
[[gnu::always_inline]] inline block<Lane> load_block(unsigned char const* from) {
    block<Lane> value;
    if constexpr (is_small_float<Lane>) {
        load_small<Lane>(from, value.v0, value.v1);
        load_small<Lane>(from + width, value.v2, value.v3);
    } else {
        __builtin_memcpy(&value.v0, from, width);
        __builtin_memcpy(&value.v1, from + width, width);
        __builtin_memcpy(&value.v2, from + 2 * width, width);
        __builtin_memcpy(&value.v3, from + 3 * width, width);
    }
    return value;
}

template <class Lane>
[[gnu::always_inline]] inline void store_block(unsigned char* to, block<Lane> const& value) {
    if constexpr (is_small_float<Lane>) {
        store_small<Lane>(to, value.v0, value.v1);
        store_small<Lane>(to + width, value.v2, value.v3);
    } else {
        __builtin_memcpy(to, &value.v0, width);
        __builtin_memcpy(to + width, &value.v1, width);
        __builtin_memcpy(to + 2 * width, &value.v2, width);
        __builtin_memcpy(to + 3 * width, &value.v3, width);
    }
}

/// One register past the caches. `to` is a multiple of its width; a `stream_fence` must follow before others are told.
[[gnu::always_inline]] inline void stream_register(unsigned char* to, word_reals const& value) {
#if defined(__clang__)
    __builtin_nontemporal_store(value, reinterpret_cast<word_reals*>(to));
#elif CHORUS_HAS_X86 && CHORUS_REGISTER == 32
    __builtin_ia32_movntps256(reinterpret_cast<float*>(to), value);
#elif CHORUS_HAS_X86
    __builtin_ia32_movntps(reinterpret_cast<float*>(to), value);
#else
    __builtin_memcpy(to, &value, width);
#endif
}
[[gnu::always_inline]] inline void stream_fence() {
#if CHORUS_HAS_X86
    __builtin_ia32_sfence();
#endif
}

/// The block as it lies in memory, a register after the other. Precondition: `to` is a multiple of a register's width.
template <class Lane>
[[gnu::always_inline]] inline void stream_block(unsigned char* to, block<Lane> const& value) {
    if constexpr (is_small_float<Lane>) {
        alignas(width) unsigned char whole[block<Lane>::bytes];
        store_block(whole, value);
        for (std::size_t i = 0; i < block<Lane>::bytes; i += width) {
            word_reals part;
            __builtin_memcpy(&part, whole + i, width);
            stream_register(to + i, part);
        }
    } else {
        stream_register(to, __builtin_bit_cast(word_reals, value.v0));
        stream_register(to + width, __builtin_bit_cast(word_reals, value.v1));
        stream_register(to + 2 * width, __builtin_bit_cast(word_reals, value.v2));
        stream_register(to + 3 * width, __builtin_bit_cast(word_reals, value.v3));
    }
}

/// The last `bytes` bytes of a buffer, fewer than a block, filled up with zeros.
template <class Lane>
[[gnu::always_inline]] inline block<Lane> load_tail(unsigned char const* from, std::size_t bytes) {
    unsigned char whole[block<Lane>::bytes] = {};
    __builtin_memcpy(whole, from, bytes);
    return load_block<Lane>(whole);
}

template <class Lane>
[[gnu::always_inline]] inline void store_tail(unsigned char* to, block<Lane> const& value, std::size_t bytes) {
    unsigned char whole[block<Lane>::bytes];
    store_block(whole, value);
    __builtin_memcpy(to, whole, bytes);
}

} // namespace chorus::detail::CHORUS_ISA

#endif
