#pragma once
/// Where `allocate` gets its memory. Part of allocate.hpp.

#include <chorus/runtime/allocate.hpp>
#include <chorus/runtime/context.hpp>

#include <cstddef>
#include <cstring>
#include <new>

namespace chorus::detail {

inline constexpr std::align_val_t page_alignment{4096};

CHORUS_INLINE void* allocate_pages(context& owner, std::size_t bytes, bool& shared) {
    void* const found = owner.transport().allocate(bytes);
    shared = found != nullptr;
    if (shared) return found;
    return std::memset(::operator new(bytes, page_alignment), 0, bytes);
}
CHORUS_INLINE void free_pages(context& owner, void* what, bool shared) noexcept {
    if (shared) owner.transport().free(static_cast<std::byte*>(what));
    else ::operator delete(what, page_alignment);
}

} // namespace chorus::detail
