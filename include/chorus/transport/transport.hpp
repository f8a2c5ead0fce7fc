#pragma once
/// The transport: reliable messages between the ranks of one job, and nothing else.

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chorus {

using clock = std::chrono::steady_clock;

/// One running collective as messages see it. Messages are matched by (peer, communicator, sequence, lane), in the
/// order in which they were posted. `signature` must be equal on both ends of a message: a transport that carries it
/// compares it before data moves and reports a `failure` of kind mismatch otherwise.
struct exchange {
    std::uint32_t communicator = 0; ///< the same at all members, another one for every communicator of a rank; its low 10 bits for those in use
    std::uint32_t sequence = 0;     ///< counts the collectives of the communicator; 0 is point-to-point
    std::uint64_t signature = 0;    ///< see runtime/signature.hpp
    std::uint8_t lane = 0;

    friend bool matches(exchange const& a, exchange const& b) {
        return a.communicator == b.communicator && a.sequence == b.sequence && a.lane == b.lane;
    }
};

/// A contiguous part of a message in memory. A sender's piece is only read.
struct piece {
    std::byte* data = nullptr;
    std::size_t bytes = 0;
};

/// Names an operation to the one who posted it; never interpreted by a transport.
using token = std::uint64_t;

/// A finished operation. For `post_view`, `view` is where the message can be read: the staging memory that the caller
/// gave, or memory of the transport or the peer that stays valid until `release(token)`.
struct completion {
    token which = 0;
    std::byte const* view = nullptr;
};

/// Why nothing more is to be expected of a transport.
struct transport_failure {
    enum class kind : std::uint8_t {
        revoked,  ///< another rank gave up and told everyone
        left,     ///< a peer is gone: its thread returned, its process died, its link broke
        mismatch, ///< a peer's call does not match ours
        broken,   ///< the machinery below failed
        late,     ///< a rank did not answer before a deadline passed
    };
    kind why = kind::broken;
    int rank = -1;    ///< the rank that it is about: who gave up, who left, whose call differs; -1 where unknown
    std::string text; ///< for people
    std::uint64_t signature = 0; ///< mismatch: the peer's
    std::uint64_t ours = 0;      ///< mismatch: this rank's, 0 where unknown
    bool told = false; ///< by a rank of the job: `rank` is as all of them count, `text` as all of them say it
};

/// Protocol. All calls come from one thread, the owner of the rank.
///
///   post_send   Starts a message. The memory, and the row of pieces itself, must stay as they are until it has finished.
///               Returns true where it has finished already: no completion follows then. Sends may wait until their
///               receive is posted.
///   post_recv   Starts to receive a message of exactly that many bytes. Returns true where it is there already.
///   poll        Makes progress, stores finished operations, returns how many. Never blocks.
///   idle        Called when a poll found nothing, `round` times in a row so far: spins, yields or sleeps, until
///               something may have happened, at most until `until`.
///   failure     Why this rank should give up, if it should. May look at peers that it waits for; called now and then.
///   revoke      Tells all ranks to give up. Their `failure()` returns it from then on; the first call wins.
///   withdraw    Takes back everything posted, so that nothing touches the caller's memory from then on; finished or not,
///               no completion follows. False where that was not possible in reasonable time.
///   gathers     Whether messages may consist of several pieces; otherwise callers pack them.
///
/// Messages of zero bytes are messages. Peers are numbers in [0, size), never rank() itself.
template <class T>
concept transport =
    requires(T& t, T const& c, int peer, exchange const& ex, std::span<piece const> pieces, token tok,
             std::span<completion> done, int round, clock::time_point until, transport_failure const& why) {
        { c.rank() } -> std::convertible_to<int>;
        { c.size() } -> std::convertible_to<int>;
        { t.post_send(peer, ex, pieces, tok) } -> std::same_as<bool>;
        { t.post_recv(peer, ex, pieces, tok) } -> std::same_as<bool>;
        { t.poll(done) } -> std::same_as<std::size_t>;
        t.idle(round, until);
        { t.failure() } -> std::same_as<std::optional<transport_failure>>;
        t.revoke(why);
        { t.withdraw() } -> std::same_as<bool>;
        { T::gathers } -> std::convertible_to<bool>;
        { T::name } -> std::convertible_to<std::string_view>;
    };

/// Refinement: a message can be shown where it lies instead of being copied, so that a reduction reads it there.
///
///   post_view   Like post_recv into `staging`, but the transport may answer with a pointer to the message itself. Null:
///               a completion follows. Anything other than staging.data must be given back by `release(token)` soon: the
///               sender waits for it.
///   touch       Called before a view is read and once more after that. False where the sender has given up and taken the message
///               back: its memory must not be read, or what was read is worth nothing. `failure()` says why from then on.
template <class T>
concept viewing_transport = transport<T> && requires(T& t, int peer, exchange const& ex, piece staging, token tok) {
    { t.post_view(peer, ex, staging, tok) } -> std::same_as<std::byte const*>;
    { t.touch(tok) } -> std::same_as<bool>;
    t.release(tok);
};

/// Memory in which a rank would like the answer to a message that it sends: its receive number `place` from that peer on the
/// exchange's lane, counted from 0, which is known as `tok`. The receive may be posted already or later.
struct reply_offer {
    piece target; ///< as long as the message that carries the offer
    token tok = 0;
    std::uint32_t place = 0;
};

/// Refinement: a message may carry an offer of memory, and whoever has the message in view may write the answer there, instead
/// of sending it: a fold then writes its result straight to all ranks that want it.
///
///   post_offer   Like post_send. Where the peer has answered, the completion of the receive comes right before that of the send,
///                and no other; otherwise nothing has become of the offer.
///   reply_memory Where message number `place` of so many bytes may be written for the sender of the view `tok`; null where it
///                did not offer that.
///   may_keep     Whether a view lies where nobody but its own sender wants the memory: others may then be waited for while it is
///                kept. What lies in memory that messages to others need, too, is copied out instead.
///   reply        Instead of release, after the answer was written there.
template <class T>
concept answering_transport = viewing_transport<T> && requires(T& t, int peer, exchange const& ex, std::span<piece const> pieces,
                                                               token tok, reply_offer const& offer, std::uint32_t place,
                                                               std::size_t bytes) {
    { t.post_offer(peer, ex, pieces, tok, offer) } -> std::same_as<bool>;
    { t.reply_memory(tok, place, bytes) } -> std::same_as<std::byte*>;
    { t.may_keep(static_cast<std::byte const*>(nullptr)) } -> std::same_as<bool>;
    t.reply(tok);
};

/// Refinement: shows what the ranks were doing when a deadline passes. `enter(ex)` notes the collective that this rank
/// starts; `last_entered(peer)` is what the peer noted last.
template <class T>
concept observing_transport = transport<T> && requires(T& t, exchange const& ex, int peer) {
    t.enter(ex);
    { t.last_entered(peer) } -> std::same_as<std::optional<exchange>>;
};

/// When a rank was last seen in a wait, and for whom it waited (-1: for nobody in particular).
struct rank_activity {
    clock::time_point seen{};
    int awaits = -1;
};
/// Refinement: tells ranks that wait from those that do not answer. `await(peer)` is called again and again in a wait.
template <class T>
concept attentive_transport = observing_transport<T> && requires(T& t, int peer) {
    t.await(peer);
    { t.activity(peer) } -> std::same_as<rank_activity>;
};

/// Refinement: can go on without the ranks that have left. `survivors(until)` returns, the same on all of them, the
/// ranks that have called it, once every rank has called it or has left; what failed before is forgotten then, and
/// what was posted before is gone. Empty where `until` passed first.
template <class T>
concept renewable_transport = transport<T> && requires(T& t, clock::time_point until) {
    { t.survivors(until) } -> std::same_as<std::vector<int>>;
};

/// Refinement: has memory that peers can read directly, so that messages in it are not copied on their way. `free` takes what
/// `allocate` gave. Throws transport_error where there is too little.
template <class T>
concept allocating_transport = transport<T> && requires(T& t, std::size_t bytes, std::byte* memory) {
    { t.allocate(bytes) } -> std::same_as<std::byte*>;
    t.free(memory);
};

/// Which way a message took.
enum class transport_path : std::uint8_t {
    inlined, ///< inside its announcement
    copied,  ///< through memory of the transport
    direct,  ///< read by the receiver where it lay
};
/// Messages sent by a rank so far, and their bytes, by path.
struct transport_paths {
    struct total {
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
    };
    std::array<total, 3> by_path{};

    total const& operator[](transport_path path) const { return by_path[static_cast<std::size_t>(path)]; }
    void count(transport_path path, std::size_t bytes) {
        ++by_path[static_cast<std::size_t>(path)].messages;
        by_path[static_cast<std::size_t>(path)].bytes += bytes;
    }
};
/// Refinement: tells which paths its messages took.
template <class T>
concept reporting_transport = transport<T> && requires(T const& c) {
    { c.paths() } -> std::convertible_to<transport_paths>;
};

/// Refinement: says, for people, what it runs on and what is in force.
template <class T>
concept describing_transport = transport<T> && requires(T const& c) {
    { c.describe() } -> std::convertible_to<std::string>;
};

/// Refinement: knows which ranks share a host. `host_of(rank)` is equal for two ranks exactly if they do.
template <class T>
concept host_aware_transport = transport<T> && requires(T const& c, int rank) {
    { c.host_of(rank) } -> std::convertible_to<int>;
};

/// What a choice of algorithm needs to know of a transport, in seconds: rough is good enough.
struct transport_estimates {
    double latency = 1e-6;         ///< per message on the critical path (alpha)
    double per_message = 2e-7;     ///< per further message of one rank
    double rendezvous = 0;         ///< on top of `latency` where a message is longer than the next: both ends meet first
    std::size_t eager_bytes = 0;   ///< up to here a message just goes
    double per_byte = 2e-10;       ///< moving a byte (beta)
    double per_byte_folded = 1e-10; ///< folding a byte (gamma)
    std::size_t segment_bytes = std::size_t{256} << 10; ///< pieces in which long messages overlap best with folding
    bool copies_private = false; ///< private buffers go through the transport's own memory; what peers allocated is read where it lies
    bool reads_in_place = false; ///< all buffers are read where they lie
    std::size_t copied_segment_bytes = 0; ///< the pieces in which copying in and out overlap best; 0: not worth a cut
};

template <class T>
concept estimating_transport = transport<T> && requires(T const& c) {
    { c.estimates() } -> std::convertible_to<transport_estimates>;
};

} // namespace chorus
