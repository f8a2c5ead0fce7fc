#pragma once
/// What a rank of the threads transport keeps of each other rank: messages on their way.

#include <chorus/core/plain_vector.hpp>
#include <chorus/transport/detail/thread_hub.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <span>

namespace chorus::detail {

/// Entries that lists have room for, so that they hardly ever grow.
inline constexpr std::size_t usual_messages = 32;

struct outgoing_message {
    int peer;
    exchange ex;
    std::span<piece const> pieces;
    std::size_t bytes;
    token tok;
    send_state* state;
    reply_offer offer; ///< its target is null where there is none
};
struct incoming_message {
    int peer;
    exchange ex;
    std::span<piece const> pieces;
    piece staging; ///< used instead of pieces where a view is asked for
    token tok;
    bool view;
};
/// A message of a peer that is being read where it lies.
struct shown_message {
    token tok;
    int peer;
    send_state* state;
    std::byte* reply = nullptr;
    std::size_t reply_bytes = 0;
    std::uint32_t reply_place = 0;
};
struct thread_peer {
    slot* outbox = nullptr;
    slot* inbox = nullptr;
    std::size_t next_out = 0;
    std::size_t next_in = 0;
    bool withdrawn = false; ///< has taken back a message: what follows is nobody's
    bool awaited = false; ///< is in the list of peers that have something posted
    plain_vector<outgoing_message> unsent;
    plain_vector<incoming_message> posted;
    plain_vector<announcement> unexpected; ///< that came before anybody asked for them
};

} // namespace chorus::detail
