#pragma once
/// The signature of a call: 64 bits that must be equal on all ranks. Part of it can be read back, so that a rank can
/// say what the other one was doing.

#include <chorus/algorithm/choice.hpp>
#include <chorus/core/collective.hpp>
#include <chorus/kernel/kernel.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace chorus {

namespace detail {

// Layout, from the top: 4 bits collective, 5 element, 4 operator, 19 hash of everything, 32 the common count.
inline constexpr int signature_collective = 60, signature_element = 55, signature_operator = 51, signature_hash = 32;

constexpr std::uint32_t mix(std::uint32_t seed, std::uint64_t value) {
    return hash_word(static_cast<std::uint32_t>(value >> 32), hash_word(static_cast<std::uint32_t>(value), seed));
}

} // namespace detail

/// `count`: elements per vector or block, 0 where they differ; `counts`: the whole vector, where every rank knows it.
inline std::uint64_t make_signature(collective what, kernel const& fold, std::size_t count,
                                    std::span<std::size_t const> counts, int root, std::string_view algorithm) {
    auto hash = detail::mix(fold.hash, count);
    hash = detail::mix(hash, static_cast<std::uint64_t>(root));
    hash = detail::hash_text(algorithm, hash);
    for (auto const each : counts) hash = detail::mix(hash, each);
    auto const field = [](auto value, int shift) { return static_cast<std::uint64_t>(value) << shift; };
    return field(what, detail::signature_collective) | field(fold.element, detail::signature_element) |
           field(has_operator(what) ? fold.operation : operator_id::custom, detail::signature_operator) |
           (std::uint64_t{hash & 0x7ffffu} << detail::signature_hash) | (count & 0xffffffffu);
}

/// What two calls differ in where their descriptions are alike.
inline constexpr std::string_view unseen_difference = " (root, algorithm, counts, operator or the order in a bucket differ)";

/// "all_reduce of 1000 float32 with plus"
[[gnu::cold]] inline std::string describe_signature(std::uint64_t signature) {
    auto const what = static_cast<collective>((signature >> detail::signature_collective) & 15u);
    auto const element = static_cast<element_id>((signature >> detail::signature_element) & 31u);
    auto const operation = static_cast<operator_id>((signature >> detail::signature_operator) & 15u);
    if (what > collective::send_recv || static_cast<std::size_t>(element) >= element_names.size()) return "another call";
    auto text = std::string(name(what));
    if (what == collective::barrier) return text;
    if (auto const count = signature & 0xffffffffu; count != 0) detail::append(text, {" of ", count, " ", name(element)});
    else detail::append(text, {" of ", name(element)});
    if (has_operator(what))
        detail::append(text, {" with ", operation == operator_id::custom ? "an operator of the caller's" : name(operation)});
    return text;
}

} // namespace chorus
