#pragma once
/// How queue pairs come up, and what goes over the side channel. Part of verbs_transport.hpp.

#include <chorus/transport/detail/verbs_transport.hpp>

namespace chorus {

inline void verbs_transport::open_device() {
    auto& device = *port_.device;
    if (char host[256] = {}; options_.endpoint.empty() && ::gethostname(host, sizeof host - 1) == 0) options_.endpoint = host;
    // A header and an eager message fit into one packet, unless somebody wants more.
    if (options_.eager_bytes == 0) options_.eager_bytes = (std::size_t{128} << port_.attributes.active_mtu) - sizeof(detail::verbs_header);
    domain_ = detail::verbs_made<detail::verbs_domain>(ibv_alloc_pd(&device), "ibv_alloc_pd");
    registrations_.emplace(detail::verbs_registrar{domain_.get()}, detail::registration_limits{options_.kept_bytes, 1024},
                           detail::verbs_monitor(options_.kept_bytes));
    channel_ = detail::verbs_made<detail::verbs_channel>(ibv_create_comp_channel(&device), "ibv_create_comp_channel");
    ::fcntl(channel_->fd, F_SETFL, ::fcntl(channel_->fd, F_GETFL) | O_NONBLOCK);
    ibv_device_attr about{};
    detail::require_system(-ibv_query_device(&device, &about), "ibv_query_device");
    // All that can be unread at once: every work request of every queue, and every buffer.
    auto const others = std::max(1, size_ - 1);
    auto const buffers = others * receive_buffers(), entries = others * options_.queue_pairs * options_.send_queue + buffers;
    if (buffers > about.max_srq_wr || entries > about.max_cqe)
        throw transport_error(detail::text({"chorus: the device has ", about.max_srq_wr, " receive buffers and ", about.max_cqe, " completions, ", size_,
                                            " ranks need ", buffers, " and ", entries, "; fewer credits and a shorter send queue help"}), {});
    completions_ = detail::verbs_made<detail::verbs_completions>(ibv_create_cq(&device, entries, nullptr, channel_.get(), 0), "ibv_create_cq");
    ibv_srq_init_attr shape{};
    shape.attr.max_wr = static_cast<std::uint32_t>(buffers);
    shape.attr.max_sge = 1;
    receives_ = detail::verbs_made<detail::verbs_receives>(ibv_create_srq(domain_.get(), &shape), "ibv_create_srq");
    auto const bytes = static_cast<std::size_t>(buffers) * packet_bytes();
    inbox_.reset(new std::byte[bytes]);
    inbox_registered_ = detail::register_memory(*domain_, inbox_.get(), bytes);
    for (std::size_t at = 0; at < bytes; at += packet_bytes()) wait_for_message(inbox_.get() + at);
    for (int peer = 0; peer < size_; ++peer) peers_.emplace_back(options_.credits);
    sleeper_ = detail::descriptor(detail::require_system(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    for (int const file : {channel_->fd, side_.file()}) {
        epoll_event what{};
        what.events = EPOLLIN;
        detail::require_system(::epoll_ctl(sleeper_.get(), EPOLL_CTL_ADD, file, &what), "epoll_ctl");
    }
}

/// Somebody here has to do with the peer: our side of the connection.
inline void verbs_transport::want(int peer) {
    auto& to = at(peer);
    if (!to.lines.empty() || withdrawn_) return;
    auto const bytes = static_cast<std::size_t>(options_.send_queue) * packet_bytes();
    to.slots.reset(new std::byte[bytes]);
    to.registered = detail::register_memory(*domain_, to.slots.get(), bytes);
    detail::verbs_hello mine;
    mine.count = static_cast<std::uint32_t>(options_.queue_pairs);
    for (int q = 0; q < options_.queue_pairs; ++q) {
        ibv_qp_init_attr shape{};
        shape.send_cq = shape.recv_cq = completions_.get();
        shape.srq = receives_.get();
        shape.qp_type = IBV_QPT_RC;
        shape.cap.max_send_wr = static_cast<std::uint32_t>(options_.send_queue);
        shape.cap.max_send_sge = 2;
        shape.cap.max_inline_data = 128;
        detail::verbs_line line;
        line.pair.reset(ibv_create_qp(domain_.get(), &shape));
        if (line.pair == nullptr) { // not every device can send inline
            shape.cap.max_inline_data = 0;
            line.pair = detail::verbs_made<detail::verbs_queue>(ibv_create_qp(domain_.get(), &shape), "ibv_create_qp");
        }
        port_.most_inline = shape.cap.max_inline_data;
        ibv_qp_attr state{};
        state.qp_state = IBV_QPS_INIT;
        state.port_num = port_.number;
        state.qp_access_flags = IBV_ACCESS_REMOTE_WRITE;
        detail::require_system(-ibv_modify_qp(line.pair.get(), &state, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
                               "ibv_modify_qp to INIT");
        mine.numbers[q] = line.pair->qp_num;
        peer_of_[line.pair->qp_num] = peer;
        to.lines.push_back(std::move(line));
    }
    mine.mtu = port_.attributes.active_mtu;
    mine.lid = port_.attributes.lid;
    mine.eager_bytes = static_cast<std::uint32_t>(options_.eager_bytes);
    mine.credits = static_cast<std::uint32_t>(options_.credits);
    std::memcpy(mine.gid, port_.gid.raw, sizeof mine.gid);
    options_.endpoint.copy(mine.endpoint, sizeof mine.endpoint - 1);
    side_.open(peer);
    side_.send(peer, detail::note_of(detail::verbs_note::hello, mine));
    connect(peer);
}

/// Once both sides want it.
inline void verbs_transport::connect(int peer) {
    auto& to = at(peer);
    if (to.lines.empty() || !to.hello || to.connected) return;
    auto const& theirs = *to.hello;
    if (theirs.count != to.lines.size() || theirs.eager_bytes != options_.eager_bytes)
        return fail({transport_failure::kind::broken, peer,
                     detail::text({"has other options: ", theirs.count, " queue pairs and ", theirs.eager_bytes, " bytes at once, here ", to.lines.size(),
                                   " and ", options_.eager_bytes}), 0, 0});
    for (std::size_t q = 0; q < to.lines.size(); ++q) {
        auto const label = label_of(peer, static_cast<int>(q));
        move_to(*to.lines[q].pair, theirs, theirs.numbers[q], label);
        if (std::string_view(port_.device->device->name).starts_with("mlx5")) set_source_port(*to.lines[q].pair, label);
    }
    to.credits.grant(static_cast<int>(theirs.credits));
    to.connected = true;
    side_.send(peer, detail::note_of(detail::verbs_note::ready));
}

inline std::uint32_t verbs_transport::label_of(int peer, int queue) {
    auto const& other = at(peer).hello->endpoint;
    ++connected_;
    if (options_.paths != nullptr)
        if (auto const label = options_.paths->label(options_.endpoint, {other, ::strnlen(other, sizeof other)}, static_cast<std::uint32_t>(queue))) {
            ++planned_;
            return *label;
        }
    // Weyl's sequence: neighbours are far from each other, whatever the ranks are.
    auto const number = (static_cast<std::uint32_t>(rank_) * static_cast<std::uint32_t>(size_) + static_cast<std::uint32_t>(peer)) *
                            static_cast<std::uint32_t>(verbs_options::most_queue_pairs) + static_cast<std::uint32_t>(queue);
    return (number * 2654435769U) >> 12;
}

/// mlx5 takes the source port itself, of a queue pair that can send: no matter what its firmware makes of labels. Not linked, but found
/// where the device's provider is loaded. False elsewhere. Never tried on such a device.
inline bool verbs_transport::set_source_port(ibv_qp& pair, std::uint32_t label) {
    auto* const provider = ::dlopen("libmlx5.so.1", RTLD_NOW | RTLD_NOLOAD);
    if (provider == nullptr) return false;
    auto const set = reinterpret_cast<int (*)(ibv_qp*, std::uint16_t)>(::dlsym(provider, "mlx5dv_modify_qp_udp_sport"));
    auto const done = set != nullptr && set(&pair, port_of_flow_label(label)) == 0;
    ::dlclose(provider);
    return done;
}

inline void verbs_transport::move_to(ibv_qp& pair, detail::verbs_hello const& other, std::uint32_t number, std::uint32_t label) const {
    ibv_qp_attr state{};
    state.qp_state = IBV_QPS_RTR;
    state.path_mtu = std::min(port_.attributes.active_mtu, static_cast<ibv_mtu>(other.mtu));
    state.dest_qp_num = number;
    state.rq_psn = 0;
    state.max_dest_rd_atomic = 1;
    state.min_rnr_timer = 1;
    state.ah_attr.port_num = port_.number;
    state.ah_attr.dlid = static_cast<std::uint16_t>(other.lid);
    state.ah_attr.is_global = 1;
    std::memcpy(state.ah_attr.grh.dgid.raw, other.gid, sizeof other.gid);
    state.ah_attr.grh.sgid_index = static_cast<std::uint8_t>(port_.gid_index);
    state.ah_attr.grh.flow_label = label;
    state.ah_attr.grh.hop_limit = 64;
    state.ah_attr.grh.traffic_class = static_cast<std::uint8_t>(options_.traffic_class);
    detail::require_system(-ibv_modify_qp(&pair, &state, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                                                             IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER), "ibv_modify_qp to RTR");
    state = {};
    state.qp_state = IBV_QPS_RTS;
    state.timeout = static_cast<std::uint8_t>(options_.timeout);
    state.retry_cnt = static_cast<std::uint8_t>(options_.retries);
    state.rnr_retry = 0; // credits see to it that there is always a buffer
    state.sq_psn = 0;
    state.max_rd_atomic = 1;
    detail::require_system(-ibv_modify_qp(&pair, &state, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                                                             IBV_QP_MAX_QP_RD_ATOMIC), "ibv_modify_qp to RTS");
}

inline void verbs_transport::listen() {
    registrations_->tidy();
    side_.poll([&](int from, std::span<std::byte const> message) { noted(from, message); });
    for (int peer = 0; peer < size_; ++peer)
        if (side_.closed(peer) && !at(peer).left && !failure_) fail(gone(peer, "died: " + side_.why_closed(peer)));
    if (failure_) tell_all(*failure_, rank_); // floods
}

inline void verbs_transport::noted(int from, std::span<std::byte const> message) {
    auto& peer = at(from);
    switch (message.empty() ? detail::verbs_note{} : static_cast<detail::verbs_note>(message[0])) {
    case detail::verbs_note::hello:
        if (auto const hello = detail::read_note<detail::verbs_hello>(message); hello && hello->version == 1 && hello->count <= 8) {
            peer.hello = *hello;
            return connect(from);
        }
        break;
    case detail::verbs_note::ready:
        peer.ready = true;
        if (peer.connected) push(from);
        return;
    case detail::verbs_note::failed:
        if (auto const said = detail::read_note<detail::verbs_failure_note>(message)) {
            fail({static_cast<transport_failure::kind>(std::min<std::uint8_t>(said->why, 3)), said->rank,
                  std::string(said->text, ::strnlen(said->text, sizeof said->text)), said->signature, 0});
            return;
        }
        break;
    case detail::verbs_note::farewell: peer.left = true; return;
    }
    fail({transport_failure::kind::broken, from, "sent something over the side channel that makes no sense", 0, 0});
}

/// Once: everybody passes it on to all but the one that it came from, and hears it several times.
inline void verbs_transport::tell_all(transport_failure const& why, int but) {
    if (std::exchange(told_, true)) return;
    detail::verbs_failure_note said;
    said.why = static_cast<std::uint8_t>(why.why);
    said.rank = why.rank;
    said.signature = why.signature;
    why.text.copy(said.text, sizeof said.text - 1);
    auto const note = detail::note_of(detail::verbs_note::failed, said);
    for (int peer = 0; peer < size_; ++peer)
        if (peer != rank_ && peer != but && side_.connected(peer)) side_.send(peer, note);
}

} // namespace chorus
