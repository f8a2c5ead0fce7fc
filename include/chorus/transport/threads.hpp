#pragma once
/// The threads transport: ranks are threads of one process and read straight from each other's memory.
///
/// A sender announces a message in the mailbox of its pair. Small ones travel inside the announcement, and the send has
/// finished; for larger ones it says where the bytes lie, the receiver copies them (or folds them where they lie) and
/// tells the sender through `send_state`. One copy per message, none for a reduction, whose result may go straight to the
/// reply memory that the sender offers.

#include <chorus/core/plain_vector.hpp>
#include <chorus/core/text.hpp>
#include <chorus/kernel/streaming.hpp>
#include <chorus/transport/detail/backoff.hpp>
#include <chorus/transport/detail/pieces.hpp>
#include <chorus/transport/detail/thread_hub.hpp>
#include <chorus/transport/detail/thread_peer.hpp>
#include <chorus/transport/transport.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

class threads_transport {
public:
    static constexpr std::string_view name = "threads";
    static constexpr bool gathers = true;

    threads_transport(std::shared_ptr<detail::thread_hub> hub, int rank)
        : hub_(std::move(hub)), rank_(rank), round_(hub_->rounds()), slots_(hub_->slots()),
          peers_(static_cast<std::size_t>(hub_->size())), backoff_(hub_->size()) {
        waiting_.reserve(peers_.size());
        unread_.reserve(detail::usual_messages);
        shown_.reserve(detail::usual_messages);
        spare_states_.reserve(detail::usual_messages);
    }
    threads_transport(threads_transport const&) = delete;
    threads_transport& operator=(threads_transport const&) = delete;
    ~threads_transport() {
        withdraw();
        hub_->leave(rank_);
    }

    int rank() const { return rank_; }
    int size() const { return hub_->size(); }
    /// As measured. Where ranks share a processor, a message is worth a change of thread.
    transport_estimates estimates() const {
        auto const crowd = hub_->ranks_per_processor();
        return {.latency = crowd > 1 ? 1e-5 * crowd : 4e-7, .per_message = 2e-7 * crowd, .per_byte = 1e-10 * crowd, .per_byte_folded = 5e-11 * crowd,
                .reads_in_place = true};
    }

    bool post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post_offer(peer, ex, pieces, tok, {});
    }
    bool post_offer(int peer, exchange const& ex, std::span<piece const> pieces, token tok, reply_offer const& offer) {
        auto const bytes = detail::total_bytes(pieces);
        outgoing message{peer, ex, pieces, bytes, tok, nullptr, offer};
        auto& line = at(peer).unsent;
        if (!line.empty() || !announce(message)) { // keep the order behind those that found no slot
            line.push_back(message);
            ++unsent_;
            return false;
        }
        if (message.state == nullptr) return true;
        unread_.push_back(message);
        return false;
    }

    bool post_recv(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
        return post({peer, ex, pieces, {}, tok, false}) != nullptr;
    }
    std::byte const* post_view(int peer, exchange const& ex, piece staging, token tok) {
        return post({peer, ex, {}, staging, tok, true});
    }
    bool touch(token tok) {
        for (auto const& each : shown_)
            if (each.tok == tok) return may_read(*each.state, detail::send_state::shown) || take_back_seen(each.peer);
        return true; // in memory of this rank
    }
    void release(token tok) { end_view(tok, detail::send_state::done); }
    std::byte* reply_memory(token tok, std::uint32_t place, std::size_t bytes) const {
        for (auto const& each : shown_)
            if (each.tok == tok && each.reply != nullptr && each.reply_place == place && each.reply_bytes == bytes) return each.reply;
        return nullptr;
    }
    bool may_keep(std::byte const*) const { return true; } // it is in the sender's own memory
    void reply(token tok) { end_view(tok, detail::send_state::answered); }

    std::size_t poll(std::span<completion> done) {
        std::size_t count = 0;
        if (unsent_ > 0) announce_rest(done, count);
        for (std::size_t i = 0; i < unread_.size() && count < done.size();) {
            auto const now = unread_[i].state->now.load(std::memory_order_acquire);
            if (now != detail::send_state::done && (now != detail::send_state::answered || count + 2 > done.size())) {
                ++i;
                continue;
            }
            if (now == detail::send_state::answered) {
                forget_receive(unread_[i].peer, unread_[i].offer.tok);
                done[count++] = {unread_[i].offer.tok, nullptr};
            }
            done[count++] = {unread_[i].tok, nullptr};
            spare_states_.push_back(unread_[i].state);
            unread_.erase_unordered(i);
        }
        for (std::size_t i = 0; i < waiting_.size() && count < done.size();) {
            auto const from = waiting_[i];
            auto& peer = at(from);
            while (!peer.posted.empty() && count < done.size() && deliver_next(from, done[count])) ++count;
            if (peer.posted.empty()) {
                peer.awaited = false;
                waiting_.erase_unordered(i);
            } else ++i;
        }
        return count;
    }

    void idle(int round, clock::time_point until) {
        switch (backoff_.next(round)) {
        case detail::rest::none: break;
        case detail::rest::pause: detail::pause(); break;
        case detail::rest::yield: std::this_thread::yield(); break;
        case detail::rest::sleep:
            if (unsent_ > 0) return std::this_thread::yield(); // nobody rings when a slot becomes free
            hub_->sleep(rank_, until, [&] { return hub_->failed() || something_new(); });
            break;
        }
    }

    std::optional<transport_failure> failure() {
        if (hub_->is_excluded(rank_)) return excluded();
        if (auto known = hub_->failure()) return known;
        if (failure_) return failure_;
        for (auto const& each : unread_)
            if (hub_->has_left(each.peer) && each.state->now.load(std::memory_order_acquire) == detail::send_state::posted)
                return gone(each.peer, "and will never receive");
        for (auto const peer : waiting_)
            if (hub_->has_left(peer) && next_slot(peer) == nullptr && !at(peer).posted.empty()) return gone(peer, "and will never send");
        for (int peer = 0; unsent_ > 0 && peer < size(); ++peer)
            if (hub_->has_left(peer) && !at(peer).unsent.empty()) return gone(peer, "and will never receive");
        return std::nullopt;
    }
    void revoke(transport_failure const& why) { hub_->revoke(why, round_); }

    /// What older rounds announced stays unmatched: their communicators have other numbers.
    std::vector<int> survivors(clock::time_point until) {
        withdraw();
        failure_.reset();
        auto list = hub_->survivors(rank_, until);
        round_ = hub_->rounds();
        for (auto& peer : peers_) peer.withdrawn = false;
        return list;
    }

    /// A peer that is reading right now finishes first: a bounded time, the length of one copy or fold.
    bool withdraw() {
        for (auto const& each : shown_) finish_reading(each); // first, since the peer may be waiting for this right here
        shown_.clear();
        for (auto& each : unread_) take_back(*each.state);
        unread_.clear();
        for (auto& peer : peers_) {
            peer.posted.clear();
            peer.unsent.clear();
            peer.awaited = false;
        }
        waiting_.clear();
        unsent_ = 0;
        return true;
    }

    void enter(exchange const& ex) { hub_->note_of(rank_).write(ex); }
    std::optional<exchange> last_entered(int peer) const { return hub_->note_of(peer).read(); }
    void await(int peer) { hub_->note_of(rank_).await(peer); }
    rank_activity activity(int peer) const { return hub_->note_of(peer).activity(); }

private:
    using outgoing = detail::outgoing_message;
    using incoming = detail::incoming_message;
    using shown = detail::shown_message;
    using peer_state = detail::thread_peer;

    peer_state& at(int peer) { return peers_[static_cast<std::size_t>(peer)]; }

    /// Puts the message into the mailbox. False where the mailbox is full.
    bool announce(outgoing& message) {
        auto& peer = at(message.peer);
        if (peer.outbox == nullptr) {
            peer.outbox = hub_->open(rank_, message.peer);
            if (size() <= hub_->few_ranks) peer.unsent.reserve(detail::usual_messages);
        }
        auto& slot = peer.outbox[peer.next_out & (slots_ - 1)];
        if (slot.full.load(std::memory_order_acquire)) return false;
        slot.what.ex = message.ex;
        slot.what.bytes = message.bytes;
        if (slot.what.is_inlined()) {
            piece const whole{slot.what.inlined.data(), message.bytes};
            detail::copy_pieces(message.pieces, std::span(&whole, 1));
        } else {
            message.state = fresh_state();
            auto const offered = message.offer.target.bytes == message.bytes;
            slot.what.place = {message.pieces.data(), static_cast<std::uint32_t>(message.pieces.size()), message.offer.place,
                               offered ? message.offer.target.data : nullptr, message.state};
        }
        slot.full.store(true, std::memory_order_release);
        hub_->wake(message.peer);
        // The peer does not wait at the next slot yet, and need not be asked for its line while a message is on the way.
        detail::claim_line(&peer.outbox[++peer.next_out & (slots_ - 1)]);
        return true;
    }
    void announce_rest(std::span<completion> done, std::size_t& count) {
        for (auto& peer : peers_)
            while (!peer.unsent.empty() && count < done.size() && announce(peer.unsent.front())) {
                auto const message = peer.unsent.front();
                peer.unsent.erase(0);
                --unsent_;
                if (message.state == nullptr) done[count++] = {message.tok, nullptr};
                else unread_.push_back(message);
            }
    }

    /// The oldest announcement of the peer that was not looked at yet, or null.
    detail::slot* next_slot(int from) {
        auto& peer = at(from);
        if (peer.inbox == nullptr) {
            peer.inbox = hub_->look(from, rank_);
            if (peer.inbox == nullptr) return nullptr;
            if (size() <= hub_->few_ranks) {
                peer.posted.reserve(detail::usual_messages);
                peer.unexpected.reserve(detail::usual_messages / 2);
            }
        }
        auto& slot = peer.inbox[peer.next_in & (slots_ - 1)];
        return slot.full.load(std::memory_order_acquire) ? &slot : nullptr;
    }
    void free_slot(int from, detail::slot& slot) {
        slot.full.store(false, std::memory_order_release);
        ++at(from).next_in;
    }

    /// Takes a message that is already here and returns where it can be read; otherwise remembers the wish.
    std::byte const* post(incoming const& wish) {
        auto& peer = at(wish.peer);
        if (wish_for(peer, wish.ex) == peer.posted.size() && !is_answered(wish) && !peer.withdrawn) {
            std::byte const* view = nullptr;
            std::size_t found = 0;
            while (found < peer.unexpected.size() && !matches(peer.unexpected[found].ex, wish.ex)) ++found;
            if (found < peer.unexpected.size()) {
                auto const taken = take(peer.unexpected[found], wish, view);
                peer.unexpected.erase(found);
                if (taken) return view;
            } else if (auto* const slot = next_slot(wish.peer); slot != nullptr && matches(slot->what.ex, wish.ex)) {
                auto const taken = take(slot->what, wish, view);
                free_slot(wish.peer, *slot);
                if (taken) return view;
            }
        }
        if (!std::exchange(peer.awaited, true)) waiting_.push_back(wish.peer);
        peer.posted.push_back(wish);
        return nullptr;
    }

    /// Hands the peer's announcements to those who wait for them, until one of them is served.
    bool deliver_next(int from, completion& done) {
        auto& peer = at(from);
        while (auto* const slot = peer.withdrawn ? nullptr : next_slot(from)) {
            auto const wish = wish_for(peer, slot->what.ex);
            auto const known = wish < peer.posted.size();
            auto const served = known && take(slot->what, peer.posted[wish], done.view);
            if (served) {
                done.which = peer.posted[wish].tok;
                peer.posted.erase(wish);
            } else if (!known) {
                peer.unexpected.push_back(slot->what);
            }
            free_slot(from, *slot);
            if (served) return true;
        }
        return false;
    }

    /// Copies or shows the message. False where it is not what was asked for, or its sender has taken it back.
    bool take(detail::announcement const& what, incoming const& wish, std::byte const*& view) {
        auto const wanted = wish.view ? wish.staging.bytes : detail::total_bytes(wish.pieces);
        if (what.ex.signature != wish.ex.signature || what.bytes != wanted) {
            failure_ = transport_failure{transport_failure::kind::mismatch, wish.peer,
                                          detail::text({"sends ", what.bytes, " bytes where ", wanted, " are expected"}),
                                          what.ex.signature, wish.ex.signature};
            return false;
        }
        auto const target = wish.view ? std::span(&wish.staging, 1) : wish.pieces;
        view = wish.view ? wish.staging.data : what.inlined.data(); // anything but null where no view was asked for
        if (what.is_inlined()) {
            piece const whole{const_cast<std::byte*>(what.inlined.data()), what.bytes};
            detail::copy_pieces(std::span(&whole, 1), target);
            return true;
        }
        auto const& place = what.place;
        auto expected = std::uint32_t{detail::send_state::posted};
        if (!place.state->now.compare_exchange_strong(expected, detail::send_state::reading, std::memory_order_acquire))
            return take_back_seen(wish.peer);
        if (wish.view && place.piece_count == 1) {
            view = place.pieces[0].data; // the row of pieces is the sender's, too
            place.state->now.store(detail::send_state::shown, std::memory_order_release);
            shown_.push_back({wish.tok, wish.peer, place.state, place.reply, what.bytes, place.reply_place});
            return true;
        }
        auto const copy = [&](bool past_caches) { detail::copy_pieces(std::span(place.pieces, place.piece_count), target, past_caches); };
        if (wish.view) copy(false); // is folded right afterwards
        else reads_.measure(what.bytes, copy);
        finish_reading({wish.tok, wish.peer, place.state});
        return true;
    }
    /// Whether the message is this rank's to read: it was already, or stood at `before`.
    static bool may_read(detail::send_state& state, std::uint32_t before) {
        return state.now.load(std::memory_order_relaxed) == detail::send_state::reading ||
               state.now.compare_exchange_strong(before, detail::send_state::reading, std::memory_order_acquire);
    }
    /// The peer has given up. Nothing that it sent after this may be taken for what it took back. Returns false.
    bool take_back_seen(int peer) {
        at(peer).withdrawn = true;
        if (!failure_) failure_ = transport_failure{transport_failure::kind::revoked, peer, "took back what it had sent"};
        return false;
    }
    /// Nothing where the sender has taken it back.
    void finish_reading(shown const& what, std::uint32_t how = detail::send_state::done) {
        if (may_read(*what.state, detail::send_state::shown)) what.state->now.store(how, std::memory_order_release);
        hub_->wake(what.peer);
    }
    void end_view(token tok, std::uint32_t how) {
        for (std::size_t i = 0; i < shown_.size(); ++i) {
            if (shown_[i].tok != tok) continue;
            finish_reading(shown_[i], how);
            return shown_.erase_unordered(i);
        }
    }
    /// Whether its answer was written straight to its memory. A peer answers before it announces what follows, so this is seen
    /// by whoever has seen a later announcement, though the next poll has yet to complete the receive.
    bool is_answered(incoming const& wish) const {
        for (auto const& each : unread_)
            if (each.peer == wish.peer && each.offer.target.data != nullptr && each.offer.tok == wish.tok)
                return each.state->now.load(std::memory_order_acquire) == detail::send_state::answered;
        return false;
    }
    /// Place of the first receive that waits for a message of the exchange; the end where there is none.
    std::size_t wish_for(peer_state const& peer, exchange const& ex) const {
        std::size_t i = 0;
        while (i < peer.posted.size() && (!matches(peer.posted[i].ex, ex) || is_answered(peer.posted[i]))) ++i;
        return i;
    }
    static bool is_over(std::uint32_t now) { return now == detail::send_state::done || now == detail::send_state::answered; }
    /// Its answer has come another way. Who waits for nothing more of a peer forgets that when it polls (waiting_).
    void forget_receive(int from, token tok) {
        auto& posted = at(from).posted;
        for (std::size_t i = 0; i < posted.size(); ++i)
            if (posted[i].tok == tok) return posted.erase(i);
    }

    detail::send_state* fresh_state() {
        if (spare_states_.empty()) hub_->make_states(detail::usual_messages, spare_states_);
        auto* const state = spare_states_.back();
        spare_states_.pop_back();
        state->now.store(detail::send_state::posted, std::memory_order_relaxed);
        return state;
    }
    static void take_back(detail::send_state& state) {
        for (;;) {
            auto now = state.now.load(std::memory_order_acquire);
            if (now == detail::send_state::reading) std::this_thread::yield();
            else if (now != detail::send_state::posted && now != detail::send_state::shown) return;
            else if (state.now.compare_exchange_weak(now, detail::send_state::withdrawn, std::memory_order_acq_rel)) return;
        }
    }

    bool something_new() {
        for (auto const peer : waiting_)
            if (next_slot(peer) != nullptr) return true;
        for (auto const& each : unread_)
            if (is_over(each.state->now.load(std::memory_order_acquire))) return true;
        return false;
    }
    transport_failure excluded() const {
        return {transport_failure::kind::left, rank_, "did not come to shrink() in time: the others have gone on without it", 0, 0};
    }
    static transport_failure gone(int peer, std::string_view consequence) {
        return {transport_failure::kind::left, peer, detail::text({"has left ", consequence}), 0, 0};
    }

    std::shared_ptr<detail::thread_hub> hub_;
    int rank_;
    unsigned round_; ///< of the hub: how often the survivors of a failure have gone on
    std::size_t slots_; ///< of a mailbox
    std::vector<peer_state> peers_;
    plain_vector<int> waiting_;     ///< peers that have something posted
    plain_vector<outgoing> unread_; ///< announced, and the peer has not read them yet
    plain_vector<shown> shown_;     ///< views that were given out
    plain_vector<detail::send_state*> spare_states_;
    std::size_t unsent_ = 0; ///< messages that found no free slot
    std::optional<transport_failure> failure_; ///< what this rank has found out by itself
    detail::backoff backoff_;
    detail::streaming_choice reads_ = detail::streaming_choice::of_long_copies();
};

static_assert(answering_transport<threads_transport> && attentive_transport<threads_transport>);

} // namespace chorus
