#pragma once
/// Copies of what is too much for the caches, or is not read again soon.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace chorus::detail {

/// memcpy that writes past the caches where the processor can: a line that is written as a whole need not be read first, and drives
/// nothing else out. Others may be told of the copy right afterwards.
inline void copy_past_caches(std::byte* to, std::byte const* from, std::size_t bytes) {
#if defined(__x86_64__)
    using four = float __attribute__((vector_size(16)));
    constexpr std::size_t line = 64;
    auto const head = std::min(bytes, static_cast<std::size_t>(-reinterpret_cast<std::uintptr_t>(to)) % line);
    std::memcpy(to, from, head);
    to += head, from += head, bytes -= head;
    for (; bytes >= line; to += line, from += line, bytes -= line) {
        four parts[4];
        std::memcpy(parts, from, line);
        for (int i = 0; i < 4; ++i) {
#if defined(__clang__)
            __builtin_nontemporal_store(parts[i], reinterpret_cast<four*>(to) + i);
#else
            __builtin_ia32_movntps(reinterpret_cast<float*>(to) + 4 * i, parts[i]);
#endif
        }
    }
    __builtin_ia32_sfence();
#endif
    std::memcpy(to, from, bytes);
}

} // namespace chorus::detail
