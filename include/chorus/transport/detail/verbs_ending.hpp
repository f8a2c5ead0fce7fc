#pragma once
/// How a rank waits, learns of failures, and how it all ends. Part of verbs_transport.hpp.

#include <chorus/transport/detail/verbs_transport.hpp>

namespace chorus {

inline void verbs_transport::idle(int round, clock::time_point until) {
    switch (backoff_.next(round)) {
    case detail::rest::none: return;
    case detail::rest::pause: return detail::pause();
    case detail::rest::yield: return std::this_thread::yield();
    case detail::rest::sleep: break;
    }
    if (until == clock::time_point::min()) return std::this_thread::yield();
    listen();
    for (auto& each : rails_)
        if (!each.ask_for_event()) return std::this_thread::yield();
    drain(); // what came before the request gives no event
    if (!finished_.empty() || failure_) return;
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now()).count();
    epoll_event event;
    ::epoll_wait(sleeper_.get(), &event, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
    for (auto& each : rails_) each.take_events();
    listen();
}

inline std::optional<transport_failure> verbs_transport::failure() {
    constexpr auto patience = std::chrono::milliseconds(200);
    drain();
    listen();
    drain(); // whoever has left had sent everything before
    if (failure_) return failure_;
    auto const now = clock::now();
    for (int i = 0; i < size_; ++i) {
        auto& peer = at(i);
        if (peer.left && peer.expects()) return gone(i, "has left and will never send");
        if (peer.left && peer.sends()) return gone(i, "has left and will never receive");
        if (!peer.up() || !(peer.expects() || peer.sends()) || now - peer.last_probe < patience) continue;
        for (auto& each : peer.writes)
            if (!each.invited && !std::exchange(each.complained, now - each.since > patience) && each.complained)
                peer.controls.push_back({detail::verbs_header::of(kind::impatience, each.ex, each.what.bytes), {}, false});
        if (peer.last_probe != clock::time_point() && peer.lines[0].has_room(options_.send_queue)) {
            ibv_send_wr probe{};
            probe.opcode = IBV_WR_RDMA_WRITE; // of nothing: the device answers, and nobody notices
            post_request(i, 0, probe, false, nullptr);
        }
        peer.last_probe = now;
        push(i);
    }
    return failure_;
}

/// Queue pairs in the error state touch nothing any more once all they had was flushed.
inline bool verbs_transport::withdraw() {
    if (withdrawn_) return true;
    withdrawn_ = true;
    for (auto& peer : peers_) {
        for (auto& line : peer.lines) {
            ibv_qp_attr state{};
            state.qp_state = IBV_QPS_ERR;
            ibv_modify_qp(line.pair.get(), &state, IBV_QP_STATE);
        }
        peer.posted.clear();
        peer.unsent.clear();
        peer.controls.clear();
        peer.landings = 0;
    }
    auto const flushed = [&] {
        return std::all_of(peers_.begin(), peers_.end(), [](detail::verbs_peer const& p) {
            return std::all_of(p.lines.begin(), p.lines.end(), [](detail::verbs_line const& l) { return l.marks.empty(); });
        });
    };
    for (auto const until = clock::now() + std::chrono::seconds(2); !flushed() && clock::now() < until;) {
        drain();
        std::this_thread::yield();
    }
    auto const all = flushed();
    for (auto& peer : peers_) {
        for (auto& line : peer.lines) {
            line.rail->peer_of.erase(line.pair->qp_num);
            line.pair.reset(); // the device is done with it for good
        }
        peer.connected = false;
        peer.writes.clear();
    }
    landings_.clear();
    registrations_->clear(); // what a peer still writes has nowhere to land
    finished_.clear();
    shown_.clear();
    return all;
}

/// What was sent is delivered first: the last request of each queue is confirmed after all before it.
inline verbs_transport::~verbs_transport() {
    auto const until = clock::now() + std::chrono::seconds(2);
    if (!failure_ && !withdrawn_) {
        for (int i = 0; i < size_; ++i)
            if (auto& peer = at(i); peer.up() && peer.lines[0].has_room(options_.send_queue)) {
                ibv_send_wr last{};
                last.opcode = IBV_WR_RDMA_WRITE;
                post_request(i, 0, last, true, nullptr);
            }
        auto const confirmed_all = [&] {
            return std::all_of(peers_.begin(), peers_.end(), [](detail::verbs_peer const& p) { return p.lines.empty() || p.lines[0].posted == p.lines[0].confirmed; });
        };
        while (!confirmed_all() && !failure_ && clock::now() < until) {
            drain();
            std::this_thread::yield();
        }
    }
    for (int peer = 0; peer < size_; ++peer)
        if (side_.connected(peer)) side_.send(peer, detail::note_of(detail::verbs_note::farewell));
    side_.flush(until);
    for (auto const& each : rails_)
        if (each.events > 0) ibv_ack_cq_events(each.completions.get(), each.events);
}

} // namespace chorus
