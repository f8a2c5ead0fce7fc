#pragma once
/// What a rank of the shared-memory transport keeps of each other rank: messages on their way.

#include <chorus/core/plain_vector.hpp>
#include <chorus/kernel/copy.hpp>
#include <chorus/kernel/streaming.hpp>
#include <chorus/transport/detail/shm_layout.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace chorus::detail {

struct shm_outgoing {
    int peer;
    exchange ex;
    std::span<piece const> pieces;
    std::size_t bytes;
    token tok;
    std::uint32_t state; ///< of direct messages and streams, once announced
    std::size_t sent;    ///< streams: bytes that are in the ring or beyond
    reply_offer offer{}; ///< its target is null where there is none
};
struct shm_incoming {
    int peer;
    exchange ex;
    std::span<piece const> pieces;
    piece staging; ///< used instead of pieces where a view is asked for
    token tok;
    bool view;

    std::span<piece const> target() const { return view ? std::span(&staging, 1) : pieces; }
};
/// An announcement that came before anybody asked for it.
struct shm_early {
    exchange ex;
    std::size_t bytes;
    shm_kind kind;
    shm_place place;
    std::byte* kept; ///< the message itself, where the sender does not wait with it
};
/// A message that is being received part by part.
struct shm_stream {
    shm_incoming wish;
    std::size_t bytes;
    std::size_t received;
    std::uint32_t state;
    bool past_caches;        ///< how it is copied
    double copying = 0;      ///< seconds so far
};
/// A message that is being read where it lies.
struct shm_shown {
    token tok;
    int peer;
    std::uint32_t state; ///< of the sender's; `in_slot`: none
    static constexpr std::uint32_t in_slot = ~std::uint32_t{0};
    std::uint64_t reply_at = 0; ///< in the mapping; 0: nothing was offered
    std::uint64_t reply_bytes = 0;
    std::uint32_t reply_place = 0;
};

struct shm_peer {
    std::uint32_t next_out = 0; ///< messages announced to it
    std::uint32_t taken = 0;    ///< of which it was done with so many when we last looked
    std::uint32_t next_in = 0;  ///< messages of its that were looked at
    std::uint32_t shown_slots = 0; ///< that are still being read
    bool withdrawn = false;     ///< has taken back a message: what follows is nobody's
    bool watched = false;       ///< is in the list of peers from which something is expected
    streaming_choice writes{2}; ///< of what goes through the ring to it: as far away as it is
    plain_vector<shm_outgoing> unsent;
    plain_vector<shm_incoming> posted;
    plain_vector<shm_stream> streams;
    plain_vector<shm_early> unexpected;

    bool expects() const { return !posted.empty() || !streams.empty(); }
    /// Its answer has come another way.
    void forget(token tok) {
        for (std::size_t i = 0; i < posted.size(); ++i)
            if (posted[i].tok == tok) return posted.erase(i);
    }
};

/// Calls copy(memory, bytes) for the pieces' bytes [at, at + bytes), in order.
template <class Copy>
void for_part_of(std::span<piece const> pieces, std::size_t at, std::size_t bytes, Copy copy) {
    if (bytes == 0) return;
    if (pieces.size() == 1) return copy(pieces[0].data + at, bytes); // nearly always
    for (auto const& each : pieces) {
        if (at >= each.bytes) {
            at -= each.bytes;
            continue;
        }
        auto const count = std::min(bytes, each.bytes - at);
        copy(each.data + at, count);
        bytes -= count;
        at = 0;
        if (bytes == 0) return;
    }
}
inline void copy_part(std::byte* to, std::byte const* from, std::size_t bytes, bool past_caches) {
    if (past_caches) copy_past_caches(to, from, bytes);
    else std::memcpy(to, from, bytes);
}
inline void gather_part(std::byte* to, std::span<piece const> from, std::size_t at, std::size_t bytes, bool past_caches = false) {
    for_part_of(from, at, bytes, [&](std::byte const* memory, std::size_t count) {
        copy_part(to, memory, count, past_caches);
        to += count;
    });
}
inline void scatter_part(std::byte const* from, std::span<piece const> to, std::size_t at, std::size_t bytes, bool past_caches = false) {
    for_part_of(to, at, bytes, [&](std::byte* memory, std::size_t count) {
        copy_part(memory, from, count, past_caches);
        from += count;
    });
}

} // namespace chorus::detail
