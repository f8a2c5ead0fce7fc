#pragma once
/// Messages that consist of several pieces.

#include <chorus/kernel/copy.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace chorus::detail {

/// Copies one row of pieces onto another of the same total size.
inline void copy_pieces(std::span<piece const> from, std::span<piece const> to, bool past_caches = false) {
    auto const copy = [&](std::byte* target, std::byte const* source, std::size_t bytes) {
        if (past_caches) copy_past_caches(target, source, bytes);
        else std::memcpy(target, source, bytes);
    };
    if (from.size() == 1 && to.size() == 1 && to[0].bytes > 0) return copy(to[0].data, from[0].data, to[0].bytes); // nearly always
    std::size_t i = 0, at = 0;
    for (auto target : to)
        while (target.bytes > 0) {
            if (at == from[i].bytes) {
                ++i;
                at = 0;
                continue;
            }
            auto const count = std::min(target.bytes, from[i].bytes - at);
            copy(target.data, from[i].data + at, count);
            target.data += count;
            target.bytes -= count;
            at += count;
        }
}

inline std::size_t total_bytes(std::span<piece const> pieces) {
    std::size_t sum = 0;
    for (auto const& each : pieces) sum += each.bytes;
    return sum;
}

} // namespace chorus::detail
