#pragma once
/// Folding rows of pieces.

#include <chorus/kernel/kernel.hpp>
#include <chorus/schedule/step.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace chorus::detail {

/// to = from op received, where received is contiguous and the others are rows of pieces of the same total. `streams`: past
/// the caches.
inline void fold_pieces(kernel const& how, std::span<piece const> from, std::span<piece const> to, std::byte const* received, side where,
                        bool streams = false) {
    std::size_t k = 0, used = 0;
    for (auto out : to)
        while (out.bytes > 0) {
            if (used == from[k].bytes) {
                ++k;
                used = 0;
                continue;
            }
            auto const bytes = std::min(out.bytes, from[k].bytes - used);
            auto const* const mine = from[k].data + used;
            auto const count = bytes / how.element_bytes;
            void const* const operands[2] = {where == side::right ? mine : received, where == side::right ? received : mine};
            void* const result = out.data;
            how.fold({operands, 2, &result, 1, count, false, streams});
            out.data += bytes;
            out.bytes -= bytes;
            used += bytes;
            received += bytes;
        }
}

/// into = into op from, rows of pieces of the same total.
inline void fold_pieces(kernel const& how, std::span<piece const> from, std::span<piece const> into, side where) {
    std::size_t k = 0, used = 0;
    for (auto rest : from)
        while (rest.bytes > 0) {
            if (used == into[k].bytes) {
                ++k;
                used = 0;
                continue;
            }
            piece const part{into[k].data + used, std::min(rest.bytes, into[k].bytes - used)};
            fold_pieces(how, std::span(&part, 1), std::span(&part, 1), rest.data, where);
            rest.data += part.bytes;
            rest.bytes -= part.bytes;
            used += part.bytes;
        }
}

} // namespace chorus::detail
