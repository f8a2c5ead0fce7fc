/// The loops over blocks. Part of kernel/fold.hpp, like kernel/block.hpp.

#if !defined(CHORUS_ISA)
#include <chorus/kernel/fold.hpp>
#else

namespace chorus::detail::CHORUS_ISA {

/// Eight bytes, as the lower half of a small register: a vector of a few elements is no block, and to copy it in and out of one
/// takes longer than all else.
template <class Lane, operator_id Op>
[[gnu::always_inline]] inline void fold_word(unsigned char* out, unsigned char const* left, unsigned char const* right) {
    using vector = vector_of<Lane, 16>;
    using bits = vector_of<typename block<Lane>::word, 16>;
    auto a = vector{}, b = vector{};
    __builtin_memcpy(&a, left, 8);
    __builtin_memcpy(&b, right, 8);
    auto const result = combine<Op, bits>(a, b);
    __builtin_memcpy(out, &result, 8);
}

/// Two sources, one output: what most folds are.
template <class Lane, operator_id Op>
[[gnu::always_inline]] inline void fold_two(unsigned char* out, unsigned char const* left, unsigned char const* right,
                                            std::size_t bytes) {
    constexpr auto step = block<Lane>::bytes;
    for (; bytes >= step; bytes -= step, out += step, left += step, right += step)
        store_block(out, combine_blocks<Op>(load_block<Lane>(left), load_block<Lane>(right)));
    if constexpr (!is_small_float<Lane>)
        for (; bytes >= 8; bytes -= 8, out += 8, left += 8, right += 8) fold_word<Lane, Op>(out, left, right);
    if (bytes != 0) store_tail(out, combine_blocks<Op>(load_tail<Lane>(left, bytes), load_tail<Lane>(right, bytes)), bytes);
}

/// Bytes [at, at + bytes) of a source: a block, or fewer. No lambda here: GCC would not give it the instruction set.
template <class Lane, bool Whole>
[[gnu::always_inline]] inline block<Lane> operand(fold_rows const& what, int j, std::size_t at, std::size_t bytes) {
    auto const* const from = static_cast<unsigned char const*>(what.sources[j]) + at;
    auto value = Whole ? load_block<Lane>(from) : load_tail<Lane>(from, bytes);
    if constexpr (is_small_float<Lane>)
        if (what.scale != 1) value = {value.v0 * what.scale, value.v1 * what.scale, value.v2 * what.scale, value.v3 * what.scale};
    return value;
}

/// The results of a block; while they grow they stay in registers.
template <class Lane, operator_id Op, bool Whole>
[[gnu::always_inline]] inline block<Lane> fold_block(fold_rows const& what, std::size_t at, std::size_t bytes) {
    auto result = operand<Lane, Whole>(what, 0, at, bytes);
    for (int j = 1; j < what.source_count; ++j) {
        if constexpr (is_small_float<Lane>)
            if (what.rounds_each && j > 1)
                result = {rounded<Lane>(result.v0), rounded<Lane>(result.v1), rounded<Lane>(result.v2), rounded<Lane>(result.v3)};
        result = combine_blocks<Op>(result, operand<Lane, Whole>(what, j, at, bytes));
    }
    if constexpr (is_small_float<Lane>)
        if (what.divisor != 1)
            result = {result.v0 / what.divisor, result.v1 / what.divisor, result.v2 / what.divisor, result.v3 / what.divisor};
    return result;
}

/// Fewer bytes than a block.
template <class Lane, operator_id Op>
void fold_rest(fold_rows const& what, std::size_t at, std::size_t bytes) {
    auto const result = fold_block<Lane, Op, false>(what, at, bytes);
    for (int i = 0; i < what.out_count; ++i) store_tail(static_cast<unsigned char*>(what.outs[i]) + at, result, bytes);
}

/// Any numbers of sources and outputs, of `bytes` bytes each.
template <class Lane, operator_id Op>
void fold(fold_rows const& what, std::size_t bytes) {
    constexpr std::size_t step = block<Lane>::bytes, line = 64;
    auto const out = [&](int i) { return static_cast<unsigned char*>(what.outs[i]); };
    auto const source = [&](int j) { return static_cast<unsigned char const*>(what.sources[j]); };
    auto const streams = what.streams && bytes >= 16 * line;
    if (what.source_count == 2 && what.out_count == 1 && !streams && what.scale == 1) return fold_two<Lane, Op>(out(0), source(0), source(1), bytes);
    std::size_t at = 0;
    if (streams) // whole lines from here on
        for (auto const head = (line - reinterpret_cast<std::uintptr_t>(out(0)) % line) % line; at < head;) {
            auto const part = std::min(head - at, step / 2);
            fold_rest<Lane, Op>(what, at, part);
            at += part;
        }
    for (; bytes - at >= step; at += step) {
        auto const result = fold_block<Lane, Op, true>(what, at, step);
        for (int i = 0; i < what.out_count; ++i) {
            auto* const to = out(i) + at;
            if (streams && reinterpret_cast<std::uintptr_t>(to) % line == 0) stream_block(to, result);
            else store_block(to, result);
        }
    }
    if (at < bytes) fold_rest<Lane, Op>(what, at, bytes - at);
    if (streams) stream_fence();
}

/// Every lane divided by `ranks`, 16-bit floats in float.
template <class Lane>
void divide(unsigned char* data, std::size_t bytes, int ranks) {
    using group = block<Lane>;
    auto const divisor = static_cast<typename group::lane>(ranks);
    for (; bytes >= group::bytes; bytes -= group::bytes, data += group::bytes) {
        auto const all = load_block<Lane>(data);
        store_block(data, group{all.v0 / divisor, all.v1 / divisor, all.v2 / divisor, all.v3 / divisor});
    }
    if (bytes == 0) return;
    auto const all = load_tail<Lane>(data, bytes);
    store_tail(data, group{all.v0 / divisor, all.v1 / divisor, all.v2 / divisor, all.v3 / divisor}, bytes);
}

} // namespace chorus::detail::CHORUS_ISA

#endif
