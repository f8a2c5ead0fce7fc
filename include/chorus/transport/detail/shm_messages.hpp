#pragma once
/// The longer functions of the shared-memory transport. Part of transport/shm.hpp.

#include <chorus/transport/shm.hpp>

namespace chorus {

inline shm_transport::shm_transport(std::shared_ptr<detail::shm_job> job, int rank, clock::time_point until)
    : job_(std::move(job)), rank_(rank), inline_bytes_(job_->shape().inline_bytes()), heap_begin_(job_->heap_at(rank)),
      heap_end_(heap_begin_ + job_->shape().heap_bytes), slots_(job_->shape().slots), peers_(static_cast<std::size_t>(job_->size())),
      member_(peers_.size(), true), states_(*job_, rank, 0), ring_(*job_, rank, states_), heap_(job_, rank), watch_(job_, rank) {
    job_->note_processors(rank);
    job_->sign(rank).process.store(static_cast<std::uint32_t>(::getpid()), std::memory_order_release);
    auto& attached = job_->header().attached;
    attached.fetch_add(1, std::memory_order_seq_cst);
    detail::futex_wake_all(attached);
    for (;;) {
        auto const here = attached.load(std::memory_order_seq_cst);
        if (here >= static_cast<std::uint32_t>(size())) break;
        if (auto const why = job_->failure()) throw transport_error(detail::text({"chorus: rank ", why->rank, " ", why->text}), {});
        if (clock::now() > until) throw timeout_error(detail::text({"chorus: ", here, " of ", size(), " ranks have come in time"}), {});
        detail::futex_wait(attached, here, std::min(until, clock::now() + std::chrono::milliseconds(10)));
    }
    watch_.begin();
    auto const processors = job_->processors();
    crowd_ = std::max(1.0, static_cast<double>(size()) / processors);
    backoff_ = detail::backoff(size(), processors);
    watched_.reserve(peers_.size());
    for (auto* const list : {&unread_, &streams_}) list->reserve(32);
    shown_.reserve(32);
}

inline void shm_transport::write(int peer, std::size_t offset, std::span<piece const> pieces, std::size_t from, std::size_t bytes) {
    at(peer).writes.measure(bytes, [&](bool past_caches) { detail::gather_part(job_->at(offset), pieces, from, bytes, past_caches); });
}

inline std::optional<detail::shm_kind> shm_transport::announce(outgoing& message) {
    auto* const where = free_slot_to(message.peer);
    if (where == nullptr) return std::nullopt;
    auto const what = kind_of(message);
    switch (what) {
    case kind::inlined: announce_inlined(message.peer, *where, message.ex, message.pieces, message.bytes); return what;
    case kind::copied: {
        auto const place = ring_.take(message.bytes);
        if (!place) return std::nullopt;
        write(message.peer, place->offset, message.pieces, 0, message.bytes);
        where->place() = {place->offset, message.bytes, 0, place->state, 0};
        break;
    }
    default:
        ring_.reclaim(); // whose messages have states, too
        if (states_.empty()) return std::nullopt;
        message.state = states_.take();
        where->place() = {0, message.bytes, 0, message.state, message.offer.place};
        if (what == kind::direct) {
            where->place().offset = static_cast<std::size_t>(message.pieces[0].data - job_->at(0));
            auto const& reply = message.offer.target;
            if (reply.data != nullptr && reply.bytes == message.bytes && is_direct(reply.data))
                where->place().at = static_cast<std::size_t>(reply.data - job_->at(0));
        }
    }
    paths_.count(what == kind::direct ? transport_path::direct : transport_path::copied, message.bytes);
    publish(message.peer, *where, what, message.ex, message.bytes);
    return what;
}

inline void shm_transport::announce_rest(std::span<completion> done, std::size_t& count) {
    for (auto& peer : peers_)
        while (!peer.unsent.empty() && count < done.size()) {
            auto message = peer.unsent.front();
            auto const what = announce(message);
            if (!what) break;
            peer.unsent.erase(0);
            --unsent_;
            if (is_finished(*what, message)) done[count++] = {message.tok, nullptr};
        }
}

/// Copies as much of each stream into the ring as has room there.
inline void shm_transport::feed_streams(std::span<completion> done, std::size_t& count) {
    for (std::size_t i = 0; i < streams_.size() && count < done.size();) {
        auto& each = streams_[i];
        auto const wanted = states_[each.state] == state::reading;
        while (wanted && each.sent < each.bytes) {
            auto* const where = free_slot_to(each.peer);
            auto const bytes = next_part(each);
            auto const place = where != nullptr ? ring_.take(bytes) : std::nullopt;
            if (!place) break;
            write(each.peer, place->offset, each.pieces, each.sent, bytes);
            where->place() = {place->offset, bytes, each.sent, place->state, each.state};
            publish(each.peer, *where, kind::part, each.ex, each.bytes);
            each.sent += bytes;
        }
        if (each.sent < each.bytes) {
            ++i;
            continue;
        }
        done[count++] = {each.tok, nullptr};
        states_.give_back(each.state);
        streams_.erase_unordered(i);
    }
}

/// Takes a message that is already here and returns where it can be read; otherwise remembers the wish.
inline std::byte const* shm_transport::post(incoming const& wish) {
    require_same_process();
    auto& peer = at(wish.peer);
    std::byte const* view = nullptr;
    auto got = taken::refused;
    if (wish_for(peer, wish.ex) == peer.posted.size() && !is_answered(wish) && !peer.withdrawn) {
        std::size_t found = 0;
        while (found < peer.unexpected.size() && !matches(peer.unexpected[found].ex, wish.ex)) ++found;
        if (found < peer.unexpected.size()) {
            auto const early = peer.unexpected[found];
            got = take(early.ex, early.bytes, early.kind, &early.place, early.kept, false, wish, view);
            drop_kept(early);
            peer.unexpected.erase(found);
        } else if (auto* const next = next_slot(wish.peer);
                   next != nullptr && next->what.kind != kind::part && matches(next->what.ex(), wish.ex)) {
            got = take_from_slot(*next, wish, view);
            free_slot(wish.peer);
        }
    }
    if (got == taken::served) return view;
    if (got == taken::refused) peer.posted.push_back(wish);
    if (!std::exchange(peer.watched, true)) watched_.push_back(wish.peer);
    return nullptr;
}

/// Hands the peer's announcements to those who wait for them, until one of them is served.
inline bool shm_transport::deliver_next(int from, completion& done) {
    auto& peer = at(from);
    while (auto* const next = next_slot(from)) {
        auto served = false;
        if (next->what.kind == kind::part) {
            served = take_part(from, next->place(), done);
        } else if (auto const wish = wish_for(peer, next->what.ex()); wish < peer.posted.size()) {
            auto const asked = peer.posted[wish];
            auto const got = take_from_slot(*next, asked, done.view);
            done.which = asked.tok;
            served = got == taken::served;
            if (got != taken::refused) peer.posted.erase(wish);
        } else {
            keep_early(from, *next);
        }
        free_slot(from);
        if (served) return true;
    }
    return false;
}

/// Copies or shows the message. Refused where it is not what was asked for, or its sender has taken it back.
inline shm_transport::taken shm_transport::take(exchange const& ex, std::size_t bytes, kind what, detail::shm_place const* place,
                                                std::byte const* inlined, bool in_slot, incoming const& wish, std::byte const*& view) {
    auto const wanted = wish.view ? wish.staging.bytes : detail::total_bytes(wish.pieces);
    if (ex.signature != wish.ex.signature || bytes != wanted) {
        failure_ = transport_failure{transport_failure::kind::mismatch, wish.peer,
                                      detail::text({"sends ", bytes, " bytes where ", wanted, " are expected"}), ex.signature,
                                      wish.ex.signature};
        return taken::refused;
    }
    view = wish.view ? wish.staging.data : job_->at(0); // anything but null where no view was asked for
    if (inlined != nullptr && (what == kind::inlined || !in_slot)) {
        if (wish.view && in_slot && bytes > 0) {
            view = inlined;
            ++at(wish.peer).shown_slots;
            shown_.push_back({wish.tok, wish.peer, shown::in_slot});
        } else {
            detail::scatter_part(inlined, wish.target(), 0, bytes);
        }
        return taken::served;
    }
    shown const message{wish.tok, wish.peer, place->state, place->at, place->bytes, place->stream};
    if (!move(message, state::posted, wish.view && what != kind::stream ? state::shown : state::reading)) {
        take_back_seen(wish.peer);
        return taken::refused;
    }
    if (what == kind::stream) {
        // What is only staged is folded right afterwards.
        at(wish.peer).streams.push_back({wish, bytes, 0, place->state, !wish.view && copies_.next(bytes)});
        job_->wake(wish.peer);
        return taken::pending;
    }
    if (wish.view) {
        view = job_->at(place->offset);
        shown_.push_back(message);
        return taken::served;
    }
    reads_.measure(bytes, [&](bool past_caches) { detail::scatter_part(job_->at(place->offset), wish.pieces, 0, bytes, past_caches); });
    if (move(message, state::reading, state::done)) {
        job_->wake(wish.peer);
        return taken::served;
    }
    take_back_seen(wish.peer); // while it was being read
    return taken::refused;
}

/// True once the stream is complete.
inline bool shm_transport::take_part(int from, detail::shm_place const& place, completion& done) {
    auto& streams = at(from).streams;
    std::size_t i = 0;
    while (i < streams.size() && streams[i].state != place.stream) ++i;
    auto complete = false;
    if (i < streams.size()) { // otherwise it was given up
        auto& each = streams[i];
        auto const begin = clock::now();
        detail::scatter_part(job_->at(place.offset), each.wish.target(), place.at, place.bytes, each.past_caches);
        each.copying += std::chrono::duration<double>(clock::now() - begin).count();
        each.received += place.bytes;
        complete = each.received == each.bytes;
        if (complete) {
            if (!each.wish.view) copies_.note(each.bytes, each.past_caches, each.copying);
            done = {each.wish.tok, each.wish.view ? each.wish.staging.data : nullptr};
            streams.erase_unordered(i);
        }
    }
    return free_ring(from, place) && complete;
}

/// Nobody has asked for it yet. What lies in the sender's ring is copied out, since it keeps room from messages to others.
inline void shm_transport::keep_early(int from, slot& what) {
    auto const bytes = static_cast<std::size_t>(what.what.bytes);
    detail::shm_early early{what.what.ex(), bytes, what.what.kind, {}, nullptr};
    if (early.kind == kind::inlined) {
        early.kept = memory_to_keep(bytes);
        std::memcpy(early.kept, what.bytes(), bytes);
    } else {
        early.place = what.place();
        if (early.kind == kind::copied) {
            early.kept = memory_to_keep(bytes);
            std::memcpy(early.kept, job_->at(early.place.offset), bytes);
            if (!free_ring(from, early.place)) return drop_kept(early);
        }
    }
    at(from).unexpected.push_back(early);
}

/// Peers from which nothing is expected may have filled their rings with messages to us that are not wanted yet, while others
/// wait for theirs.
inline void shm_transport::keep_all_early() {
    for (int from = 0; from < size(); ++from) {
        if (from == rank_ || at(from).expects()) continue;
        while (auto* const next = next_slot(from)) {
            if (next->what.kind == kind::part) free_ring(from, next->place()); // its stream was given up
            else keep_early(from, *next);
            free_slot(from);
        }
    }
}

inline bool shm_transport::has_room_for(outgoing const& message) const {
    auto const what = kind_of(message);
    return what == kind::inlined || (what == kind::copied ? ring_.may_take(message.bytes) : !states_.empty() || ring_.can_reclaim());
}

/// Whether a poll could do something. What it could not do must not keep the rank awake: its peers want the processor.
inline bool shm_transport::something_new() {
    for (int from = 0; from < size(); ++from)
        if (from != rank_ && next_slot(from) != nullptr) return true;
    for (auto const& each : unread_)
        if (auto const now = states_[each.state]; now == state::done || now == state::answered) return true;
    for (auto const& each : streams_)
        if (states_[each.state] == state::reading && free_slot_to(each.peer) != nullptr &&
            ring_.may_take(next_part(each)))
            return true;
    for (int to = 0; unsent_ > 0 && to < size(); ++to)
        if (!at(to).unsent.empty() && free_slot_to(to) != nullptr && has_room_for(at(to).unsent.front())) return true;
    return false;
}

/// What all know comes first, so that all say the same; then a death, before whatever followed from it.
inline std::optional<transport_failure> shm_transport::failure() {
    if (job_->is_excluded(rank_)) return excluded();
    watch_.look();
    if (auto known = job_->failure()) return known;
    for (int peer = 0; peer < size(); ++peer)
        if (member_[static_cast<std::size_t>(peer)] && job_->has_died(peer)) return gone(peer, "died: its process has ended");
    if (failure_) return failure_;
    for (auto const* const list : {&unread_, &streams_})
        for (auto const& each : *list)
            if (job_->is_gone(each.peer) && states_[each.state] == state::posted)
                return gone(each.peer, "has left and will never receive");
    for (int peer = 0; peer < size(); ++peer) {
        if (!job_->is_gone(peer)) continue;
        if (at(peer).expects() && next_slot(peer) == nullptr) return gone(peer, "has left and will never send");
        if (!at(peer).unsent.empty()) return gone(peer, "has left and will never receive");
    }
    return std::nullopt;
}

/// A peer that is reading right now may finish: the length of one copy or fold. One that does not, since it was stopped, finds out
/// later that what it read is worth nothing; what it still writes goes where nobody looks.
inline bool shm_transport::take_back(outgoing const& message) {
    if (states_.move(message.state, state::posted, state::withdrawn) || states_.move(message.state, state::shown, state::withdrawn)) return true;
    for (auto const until = clock::now() + std::chrono::milliseconds(200); states_[message.state] == state::reading;) {
        watch_.look();
        if (job_->has_died(message.peer)) return true;
        if (clock::now() > until)
            return !states_.move(message.state, state::reading, state::withdrawn) || heap_.sever(message.offer.target.data);
        std::this_thread::yield();
    }
    return true;
}

inline bool shm_transport::withdraw() {
    if (forks_ != detail::fork_count()) return true;
    for (auto const& each : shown_) finish_reading(each); // first, since the peer may be waiting for this right here
    shown_.clear();
    auto all = true;
    for (auto const& each : unread_) all = take_back(each) && all;
    unread_.clear();
    for (auto const& each : streams_) // only this process reads their memory
        if (!states_.move(each.state, state::posted, state::withdrawn)) states_.move(each.state, state::reading, state::withdrawn);
    streams_.clear();
    for (auto& peer : peers_) {
        peer.posted.clear();
        peer.streams.clear();
        peer.unsent.clear();
        peer.watched = false;
    }
    watched_.clear();
    unsent_ = 0;
    return all;
}

/// Nobody reads anything once all have come here: rings and states are new afterwards, and the old announcements that refer
/// to them are passed over by their epoch.
inline std::vector<int> shm_transport::survivors(clock::time_point until) {
    withdraw();
    failure_.reset();
    auto list = detail::shm_renewal(*job_, watch_, rank_).wait(until);
    if (list.empty()) return list;
    epoch_ = static_cast<std::uint16_t>(job_->header().round.load(std::memory_order_acquire));
    for (auto& peer : peers_) {
        forget_early(peer);
        peer.withdrawn = false;
    }
    states_ = detail::shm_states(*job_, rank_, epoch_);
    ring_ = detail::shm_ring(*job_, rank_, states_);
    member_.assign(member_.size(), false);
    for (auto const each : list) member_[static_cast<std::size_t>(each)] = true;
    return list;
}

static_assert(answering_transport<shm_transport> && attentive_transport<shm_transport> && renewable_transport<shm_transport> &&
              host_aware_transport<shm_transport> && estimating_transport<shm_transport> && allocating_transport<shm_transport>);

} // namespace chorus
