#pragma once
/// What a rank of the verbs transport keeps of each other rank.

#include <chorus/transport/detail/verbs_objects.hpp>
#include <chorus/transport/detail/verbs_rail.hpp>
#include <chorus/transport/detail/verbs_registrations.hpp>
#include <chorus/transport/detail/verbs_wire.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chorus::detail {

/// A message that found no credit, no room, or no connection yet.
struct verbs_outgoing {
    exchange ex;
    piece what;
    token tok;
};
/// A message that is written into the receiver's memory once that has said where.
struct verbs_write {
    exchange ex;
    piece what;
    token tok;
    clock::time_point since;
    verbs_registrations::lease own; ///< its registration, where it is not of `allocate`
    verbs_keys const* keys = nullptr;
    bool invited = false;
    bool complained = false;   ///< has told the peer that it waits
    verbs_target to{};
    std::uint32_t stripes = 0, next_stripe = 0;
    std::size_t offset = 0;    ///< in the message: where the next chunk begins
    std::uint32_t unfinished = 0; ///< stripes whose last write the device has not confirmed
};
struct verbs_incoming {
    exchange ex;
    piece target;
    token tok;
    bool view;
};
/// A long receive, by slot: the peer has been told where to write.
struct verbs_landing {
    int peer;
    verbs_incoming wish;
    verbs_registrations::lease own;
    std::uint32_t arrived = 0; ///< stripes
};
/// An eager message that came before anybody asked for it.
struct verbs_early {
    exchange ex;
    std::vector<std::byte> bytes;
};
struct verbs_invitation {
    exchange ex;
    std::size_t bytes;
    verbs_target to;
};
/// A control message on its way out.
struct verbs_control {
    verbs_header head;
    verbs_target to;
    bool has_target;
};

/// A queue pair, and what the device has not confirmed yet. Of its work requests every fourth part of the queue is signalled, and each
/// that somebody waits for; they finish in order.
struct verbs_line {
    struct mark {
        std::uint32_t at;
        verbs_write* write;
    };

    verbs_queue pair;
    verbs_rail* rail;
    std::uint32_t posted = 0, confirmed = 0, unsignalled = 0;
    std::deque<mark> marks;

    bool has_room(int depth) const { return posted - confirmed < static_cast<std::uint32_t>(depth); }
    /// Whether the next request is signalled.
    bool signals(int depth, bool awaited) {
        if (!awaited && ++unsignalled < static_cast<std::uint32_t>(depth) / 4) return false;
        unsignalled = 0;
        return true;
    }
};

struct verbs_peer {
    explicit verbs_peer(int window) : credits(window) {}

    bool wanted = false;                 ///< somebody here has to do with it
    std::optional<std::string> endpoint; ///< its name in a plan, once it is known
    std::vector<verbs_line> lines;       ///< empty until it is wanted, or until queue pairs can be chosen for it
    std::optional<verbs_hello> hello;
    bool connected = false; ///< our queue pairs can send
    bool ready = false;     ///< and the peer's can receive
    bool left = false;      ///< has said so
    verbs_credits credits;
    clock::time_point last_probe{};

    std::unique_ptr<std::byte[]> slots; ///< of the send queue
    verbs_keys registered;

    std::deque<verbs_control> controls;
    std::deque<verbs_outgoing> unsent;
    std::list<verbs_write> writes;
    std::vector<verbs_invitation> invitations;
    std::vector<verbs_incoming> posted; ///< short ones
    std::vector<verbs_early> unexpected;
    std::size_t landings = 0; ///< long receives

    bool up() const { return connected && ready; }
    bool expects() const { return !posted.empty() || landings > 0; }
    bool sends() const { return !unsent.empty() || !writes.empty() || !controls.empty(); }
};

} // namespace chorus::detail
