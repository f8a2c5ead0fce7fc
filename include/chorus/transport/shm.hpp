#pragma once
/// The shared-memory transport: ranks are processes of one host.
///
/// A sender announces a message in the mailbox of its pair, and where it lies:
///
///   inlined   short: in the announcement itself
///   direct    in memory from `allocate`: the receiver copies or folds it from there, and tells the sender. No copy is made.
///             With an offer of reply memory, also from `allocate`, the receiver may write its answer there meanwhile
///   copied    anywhere else: copied into the sender's ring, from where the receiver copies or folds it. The send has finished
///   stream    the same for messages longer than a part of the ring: part by part, once the receiver is ready
///
/// process_vm_readv was measured against the ring and left out: it moves 64 KiB at a fifth and 32 MiB at half of the speed of
/// a copy, and is forbidden in many containers.
///
/// What happens between processes, and by which memory model: detail/shm_layout.hpp. Nobody but its owner touches private
/// memory. Direct memory is read, and offered memory written, only while the message is in view: after `withdraw` nothing does.

#include <chorus/core/plain_vector.hpp>
#include <chorus/core/text.hpp>
#include <chorus/kernel/streaming.hpp>
#include <chorus/transport/detail/backoff.hpp>
#include <chorus/transport/detail/fork_count.hpp>
#include <chorus/transport/detail/pieces.hpp>
#include <chorus/transport/detail/shm_heap.hpp>
#include <chorus/transport/detail/shm_job.hpp>
#include <chorus/transport/detail/shm_peer.hpp>
#include <chorus/transport/detail/shm_ring.hpp>
#include <chorus/transport/detail/shm_survivors.hpp>
#include <chorus/transport/detail/shm_watch.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

class shm_transport {
public:
    static constexpr std::string_view name = "shm";
    static constexpr bool gathers = true;

    /// Waits until all ranks have attached. A transport_error where some has not come by then, or has failed.
    shm_transport(std::shared_ptr<detail::shm_job> job, int rank, clock::time_point until);
    shm_transport(shm_transport const&) = delete;
    shm_transport& operator=(shm_transport const&) = delete;
    ~shm_transport() {
        for (auto& peer : peers_) forget_early(peer);
        for (auto* const each : spare_) ::operator delete(each);
        if (forks_ != detail::fork_count()) return; // a child of the rank: the rank itself lives on
        withdraw();
        job_->leave(rank_, detail::shm_sign::left);
    }

    int rank() const { return rank_; }
    int size() const { return job_->size(); }
    int host_of(int) const { return 0; }
    /// As measured. Where ranks share a processor, a message is worth a change of process.
    transport_estimates estimates() const {
        return {.latency = crowd_ > 1 ? 1e-5 * crowd_ : 2e-7,
                .per_message = 1e-7 * crowd_,
                .per_byte = 3.5e-11 * crowd_,
                .per_byte_folded = 1.2e-11 * crowd_,
                .segment_bytes = ring_.part_bytes() / 2,
                .copies_private = true,
                .copied_segment_bytes = crowd_ > 1 ? 0 : std::size_t{32} << 10};
    }
    transport_paths paths() const { return paths_; }

    /// Memory that peers read directly. Of this process alone: a forked child must not use it.
    std::byte* allocate(std::size_t bytes) { return heap_.allocate(bytes); }
    void free(std::byte* memory) {
        if (forks_ == detail::fork_count()) heap_.free(memory);
    }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post_offer(peer, ex, pieces, tok, {});
    }
    bool post_offer(int peer, exchange const& ex, std::span<piece const> pieces, token tok, reply_offer const& offer) {
        require_same_process();
        auto const bytes = detail::total_bytes(pieces);
        auto& line = at(peer).unsent;
        if (bytes <= inline_bytes_ && line.empty())
            if (auto* const where = free_slot_to(peer)) {
                announce_inlined(peer, *where, ex, pieces, bytes);
                return true;
            }
        outgoing message{peer, ex, pieces, bytes, tok, 0, 0, offer};
        auto const what = line.empty() ? announce(message) : std::nullopt; // keep the order behind those that wait
        if (!what) {
            line.push_back(message);
            ++unsent_;
            return false;
        }
        return is_finished(*what, message);
    }
    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post({peer, ex, pieces, {}, tok, false}) != nullptr;
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) { return post({peer, ex, {}, staging, tok, true}); }
    bool touch(token tok) {
        for (auto const& each : shown_)
            if (each.tok == tok) return each.state == shown::in_slot || may_read(each) || take_back_seen(each.peer);
        return true; // in memory of this rank
    }
    void release(token tok) { end_view(tok, state::done); }
    std::byte* reply_memory(token tok, std::uint32_t place, std::size_t bytes) const {
        for (auto const& each : shown_)
            if (each.tok == tok && each.reply_at != 0 && each.reply_place == place && each.reply_bytes == bytes)
                return job_->at(each.reply_at);
        return nullptr;
    }
    bool may_keep(std::byte const* view) const { return static_cast<std::size_t>(view - job_->at(0)) >= job_->shape().heaps_at(); }
    void reply(token tok) { end_view(tok, state::answered); }

    std::size_t poll(std::span<completion> done) {
        std::size_t count = 0;
        if (unsent_ > 0) announce_rest(done, count);
        if (!unread_.empty()) find_read(done, count);
        if (!streams_.empty()) feed_streams(done, count);
        for (std::size_t i = 0; i < watched_.size() && count < done.size();) {
            auto const from = watched_[i];
            auto& peer = at(from);
            while (peer.expects() && count < done.size() && deliver_next(from, done[count])) ++count;
            if (peer.expects()) {
                ++i;
            } else {
                peer.watched = false;
                watched_.erase_unordered(i);
            }
        }
        if (count == 0 && ++empty_polls_ % 64 == 0) keep_all_early();
        return count;
    }

    void idle(int round, clock::time_point until) {
        switch (backoff_.next(round)) {
        case detail::rest::none: return;
        case detail::rest::pause: return detail::pause();
        case detail::rest::yield: return std::this_thread::yield();
        case detail::rest::sleep: break;
        }
        if (until == clock::time_point::min()) return std::this_thread::yield();
        keep_all_early();
        auto& asleep = job_->sign(rank_).asleep;
        asleep.store(1, std::memory_order_relaxed);
        job_->barrier().heavy();
        if (!job_->failed() && !something_new()) detail::futex_wait(asleep, 1, until);
        asleep.store(0, std::memory_order_relaxed);
    }

    std::optional<transport_failure> failure();
    void revoke(transport_failure const& why) {
        if (forks_ == detail::fork_count()) job_->revoke(why, epoch_);
    }
    bool withdraw();
    std::vector<int> survivors(clock::time_point until);

    void enter(exchange const& ex) {
        require_same_process();
        job_->sign(rank_).entered.write(ex);
    }
    std::optional<exchange> last_entered(int peer) const { return job_->sign(peer).entered.read(); }
    void await(int peer) { job_->sign(rank_).entered.await(peer); }
    rank_activity activity(int peer) const { return job_->sign(peer).entered.activity(); }

private:
    using outgoing = detail::shm_outgoing;
    using incoming = detail::shm_incoming;
    using shown = detail::shm_shown;
    using kind = detail::shm_kind;
    using state = detail::shm_state;
    using slot = detail::shm_slot;

    enum class taken { refused, pending, served };

    detail::shm_peer& at(int peer) { return peers_[static_cast<std::size_t>(peer)]; }
    void require_same_process() const {
        if (forks_ != detail::fork_count()) detail::misuse({"rank ", rank_, ": a forked child cannot use the communicator of its parent"});
    }

    // Sending.

    bool is_direct(std::byte const* memory) const {
        auto const at = static_cast<std::size_t>(memory - job_->at(0));
        return at >= heap_begin_ && at < heap_end_ && heap_.is_shared(at);
    }
    /// Where the message will be read. Private memory is everything that is not this rank's heap.
    kind kind_of(outgoing const& message) const {
        if (message.bytes <= inline_bytes_) return kind::inlined;
        if (message.pieces.size() == 1 && is_direct(message.pieces[0].data)) return kind::direct;
        return message.bytes <= ring_.part_bytes() ? kind::copied : kind::stream;
    }
    /// The pieces' bytes [from, from + bytes) into the ring, for that peer to read.
    void write(int peer, std::size_t offset, std::span<piece const> pieces, std::size_t from, std::size_t bytes);
    /// Puts the message into the mailbox. Nothing where the mailbox, the ring or the states have no room.
    std::optional<kind> announce(outgoing& message);
    slot* free_slot_to(int to) {
        auto& peer = at(to);
        if (peer.next_out - peer.taken == slots_) {
            peer.taken = job_->taken(rank_, to).load(std::memory_order_acquire);
            if (peer.next_out - peer.taken == slots_) return nullptr;
        }
        return &job_->slot(rank_, to, peer.next_out);
    }
    void publish(int to, slot& where, kind what, exchange const& ex, std::size_t bytes) {
        auto& head = where.what;
        head.epoch = epoch_;
        head.lane = ex.lane;
        head.kind = what;
        head.communicator = ex.communicator;
        head.sequence = ex.sequence;
        head.signature = ex.signature;
        head.bytes = bytes;
        head.turn.store(++at(to).next_out, std::memory_order_release);
        job_->wake(to);
        // The peer still has the line of the next announcement and does not wait at it yet. Fetched when it is written, it would
        // cost a trip between the cores on the way of the message.
        detail::claim_line(&job_->slot(rank_, to, at(to).next_out));
    }
    void announce_inlined(int to, slot& where, exchange const& ex, std::span<piece const> pieces, std::size_t bytes) {
        detail::gather_part(where.bytes(), pieces, 0, bytes);
        paths_.count(transport_path::inlined, bytes);
        publish(to, where, kind::inlined, ex, bytes);
    }
    bool is_finished(kind what, outgoing const& message) {
        if (what == kind::direct) unread_.push_back(message);
        if (what == kind::stream) streams_.push_back(message);
        return what == kind::inlined || what == kind::copied;
    }
    void announce_rest(std::span<completion> done, std::size_t& count);
    void find_read(std::span<completion> done, std::size_t& count) {
        for (std::size_t i = 0; i < unread_.size() && count < done.size();) {
            auto const now = states_[unread_[i].state];
            if (now != state::done && (now != state::answered || count + 2 > done.size())) {
                ++i;
                continue;
            }
            if (now == state::answered) {
                at(unread_[i].peer).forget(unread_[i].offer.tok);
                done[count++] = {unread_[i].offer.tok, nullptr};
            }
            done[count++] = {unread_[i].tok, nullptr};
            states_.give_back(unread_[i].state);
            unread_.erase_unordered(i);
        }
    }
    void feed_streams(std::span<completion> done, std::size_t& count);

    // Receiving.

    /// The oldest announcement of the peer that was not looked at yet, or null.
    slot* next_slot(int from) {
        auto& peer = at(from);
        while (!peer.withdrawn) {
            auto& next = job_->slot(from, rank_, peer.next_in);
            if (next.what.turn.load(std::memory_order_acquire) != peer.next_in + 1) return nullptr;
            if (next.what.epoch == epoch_) return &next;
            free_slot(from); // from before a renewal: what it names was forgotten by all
        }
        return nullptr;
    }
    void free_slot(int from) {
        auto& peer = at(from);
        ++peer.next_in;
        if (peer.shown_slots == 0) give_slots_back(from);
    }
    void give_slots_back(int from) {
        job_->taken(from, rank_).store(at(from).next_in, std::memory_order_release);
        job_->wake(from);
    }

    /// Whether its answer was written straight to its memory. A peer answers before it announces what follows, so this is seen
    /// by whoever has seen a later announcement, though the next poll has yet to complete the receive.
    bool is_answered(incoming const& wish) const {
        for (auto const& each : unread_)
            if (each.peer == wish.peer && each.offer.target.data != nullptr && each.offer.tok == wish.tok)
                return states_[each.state] == state::answered;
        return false;
    }
    /// Place of the first receive that waits for a message of the exchange; the end where there is none.
    std::size_t wish_for(detail::shm_peer const& peer, exchange const& ex) const {
        std::size_t i = 0;
        while (i < peer.posted.size() && (!matches(peer.posted[i].ex, ex) || is_answered(peer.posted[i]))) ++i;
        return i;
    }
    std::byte const* post(incoming const& wish);
    bool deliver_next(int from, completion& done);
    taken take(exchange const& ex, std::size_t bytes, kind what, detail::shm_place const* place, std::byte const* inlined, bool in_slot,
               incoming const& wish, std::byte const*& view);
    taken take_from_slot(slot& from, incoming const& wish, std::byte const*& view) {
        return take(from.what.ex(), from.what.bytes, from.what.kind, &from.place(), from.bytes(), true, wish, view);
    }
    bool take_part(int from, detail::shm_place const& place, completion& done);
    /// What lay in the sender's ring was copied out. False where a renewal came in between: it may have been something else.
    bool free_ring(int from, detail::shm_place const& place) {
        auto const still = move({0, from, place.state}, state::posted, state::done);
        job_->wake(from);
        return still || take_back_seen(from);
    }
    void keep_early(int from, slot& what);
    void keep_all_early();
    void forget_early(detail::shm_peer& peer) {
        for (auto const& each : peer.unexpected) drop_kept(each);
        peer.unexpected.clear();
    }
    std::byte* memory_to_keep(std::size_t bytes) {
        if (bytes > inline_bytes_ || spare_.empty()) return static_cast<std::byte*>(::operator new(std::max(bytes, inline_bytes_)));
        auto* const found = spare_.back();
        spare_.pop_back();
        return found;
    }
    void drop_kept(detail::shm_early const& what) {
        if (what.kept == nullptr) return;
        if (what.bytes <= inline_bytes_ && spare_.size() < 64) spare_.push_back(what.kept);
        else ::operator delete(what.kept);
    }
    void finish_reading(shown const& what, std::uint32_t how = state::done) {
        if (what.state == shown::in_slot) {
            if (--at(what.peer).shown_slots == 0) give_slots_back(what.peer);
            return;
        }
        if (how == state::answered) paths_.count(transport_path::direct, what.reply_bytes);
        if (may_read(what)) move(what, state::reading, how);
        job_->wake(what.peer);
    }
    bool move(shown const& what, std::uint32_t from, std::uint32_t to) const {
        auto expected = detail::shm_state::word(epoch_, from);
        return job_->state(what.peer, what.state).now.compare_exchange_strong(expected, detail::shm_state::word(epoch_, to), std::memory_order_acq_rel);
    }
    /// Whether the message is this rank's to read, from now on or still. What was read before is not read after it: a load alone would
    /// not keep that order on every processor, and the sender does not wait for a rank that was stopped.
    bool may_read(shown const& what) const {
        return move(what, state::shown, state::reading) || move(what, state::reading, state::reading);
    }
    /// The peer has given up. Nothing that it sent after this may be taken for what it took back. Returns false.
    bool take_back_seen(int peer) {
        at(peer).withdrawn = true;
        if (!failure_) failure_ = transport_failure{transport_failure::kind::revoked, peer, "took back what it had sent", 0, 0};
        return false;
    }
    void end_view(token tok, std::uint32_t how) {
        for (std::size_t i = 0; i < shown_.size(); ++i) {
            if (shown_[i].tok != tok) continue;
            finish_reading(shown_[i], how);
            return shown_.erase_unordered(i);
        }
    }

    // Waiting and the end.

    bool has_room_for(outgoing const& message) const;
    bool something_new();
    std::size_t next_part(outgoing const& stream) const { return std::min(ring_.part_bytes(), stream.bytes - stream.sent); }
    bool take_back(outgoing const& message);
    transport_failure excluded() const { return gone(rank_, "did not come to shrink() in time: the others have gone on without it"); }
    static transport_failure gone(int peer, std::string_view how) { return {transport_failure::kind::left, peer, std::string(how), 0, 0}; }

    std::shared_ptr<detail::shm_job> job_;
    int rank_;
    unsigned forks_ = detail::fork_count();
    std::size_t inline_bytes_, heap_begin_, heap_end_;
    std::uint32_t slots_;
    std::uint16_t epoch_ = 0;
    std::vector<detail::shm_peer> peers_;
    std::vector<bool> member_; ///< goes on after the last renewal
    detail::shm_states states_;
    detail::shm_ring ring_;
    detail::shm_heap heap_;
    detail::shm_watch watch_;
    plain_vector<int> watched_;      ///< peers from which something is expected
    plain_vector<outgoing> unread_;  ///< direct, announced, and the peer has not read them yet
    plain_vector<outgoing> streams_; ///< announced, not yet all in the ring
    detail::streaming_choice copies_; ///< of streams that are received
    detail::streaming_choice reads_ = detail::streaming_choice::of_long_copies(); ///< of what is read where it lies
    plain_vector<shown> shown_;      ///< views that were given out
    plain_vector<std::byte*> spare_; ///< memory for early messages
    std::size_t unsent_ = 0;         ///< messages that found no room
    unsigned empty_polls_ = 0;
    transport_paths paths_;
    std::optional<transport_failure> failure_; ///< what this rank has found out by itself
    double crowd_ = 1; ///< ranks per processor, at least 1
    detail::backoff backoff_{1};
};

} // namespace chorus

#include <chorus/transport/detail/shm_messages.hpp>
