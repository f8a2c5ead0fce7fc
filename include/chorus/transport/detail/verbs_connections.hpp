#pragma once
/// How queue pairs come up, and what goes over the side channel. Part of verbs_transport.hpp.

#include <chorus/transport/detail/verbs_transport.hpp>

namespace chorus {

inline std::vector<detail::verbs_rail> verbs_transport::open_rails() {
    auto ports = detail::open_ports(options_);
    if (ports.size() > detail::most_rails) detail::misuse({"verbs: at most ", detail::most_rails, " ports at once, not ", ports.size()});
    options_.queue_pairs = std::max(options_.queue_pairs, static_cast<int>(ports.size()));
    // All that can be unread at once: every work request of every queue, and every buffer.
    auto const others = std::max(1, size_ - 1), buffers = others * receive_buffers();
    std::vector<detail::verbs_rail> rails;
    for (auto& each : ports) rails.emplace_back(std::move(each), buffers, others * options_.queue_pairs * options_.send_queue + buffers);
    return rails;
}

inline void verbs_transport::prepare() {
    if (char host[256] = {}; options_.endpoint.empty() && ::gethostname(host, sizeof host - 1) == 0) options_.endpoint = host;
    if (options_.endpoint.size() >= sizeof detail::verbs_name::endpoint)
        detail::misuse({"verbs: the names of a rank in a plan are up to ", sizeof detail::verbs_name::endpoint - 1, " bytes together, not ", options_.endpoint.size()});
    if (options_.eager_bytes == 0)
        options_.eager_bytes = (soft() ? std::size_t{32} << 10 : std::size_t{128} << rails_[0].port.attributes.active_mtu) - sizeof(detail::verbs_header);
    registrations_.emplace(detail::verbs_registrar{rails_}, detail::registration_limits{options_.kept_bytes, 1024}, detail::verbs_monitor(options_.kept_bytes));
    auto const buffers = static_cast<std::size_t>(std::max(1, size_ - 1) * receive_buffers());
    inbox_.reset(new std::byte[buffers * packet_bytes()]);
    inbox_registered_ = {std::span(rails_).first(1), inbox_.get(), buffers * packet_bytes()};
    for (std::size_t i = 0; i < buffers; ++i)
        for (auto& each : rails_) wait_for_message(each, &each == &rails_[0] ? inbox_.get() + i * packet_bytes() : nullptr);
    for (int peer = 0; peer < size_; ++peer) peers_.emplace_back(options_.credits);
    sleeper_ = detail::descriptor(detail::require_system(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    auto const watch = [&](int file) {
        epoll_event what{};
        what.events = EPOLLIN;
        detail::require_system(::epoll_ctl(sleeper_.get(), EPOLL_CTL_ADD, file, &what), "epoll_ctl");
    };
    watch(side_.file());
    for (auto const& each : rails_) watch(each.channel->fd);
}

inline std::vector<verbs_transport::rail_counts> verbs_transport::rails() const {
    std::vector<rail_counts> all;
    for (auto const& each : rails_)
        all.push_back({detail::text({each.port.device->device->name, ":", static_cast<int>(each.port.number)}), each.sent_requests, each.sent_bytes});
    return all;
}

inline std::string verbs_transport::describe() const {
    std::string all;
    for (auto const& each : rails_) detail::append(all, {each.port.why, "; "});
    detail::append(all, {options_.queue_pairs, options_.queue_pairs == 1 ? " queue pair" : " queue pairs", " to a peer, up to ", options_.eager_bytes,
                         " bytes at once, MTU ", 128 << rails_[0].port.attributes.active_mtu, "; flow labels: "});
    if (options_.paths == nullptr) all += "spread evenly, no plan was given";
    else detail::append(all, {planned_, " of ", connected_, " queue pairs as planned for ", options_.endpoint});
    if (options_.paths != nullptr && soft()) detail::append(all, {", in vain on this device, but ", steered_, " were chosen so that they have the planned port"});
    for (auto const& each : rails()) detail::append(all, {"; sent by ", each.name, ": ", each.bytes, " bytes in ", each.requests, " requests"});
    return all;
}

/// Somebody here has to do with the peer: our side of the connection.
inline void verbs_transport::want(int peer) {
    auto& to = at(peer);
    if (to.wanted || withdrawn_) return;
    to.wanted = true;
    detail::verbs_name mine;
    options_.endpoint.copy(mine.endpoint, sizeof mine.endpoint - 1);
    side_.open(peer);
    side_.send(peer, detail::note_of(detail::verbs_note::name, mine));
    if (to.endpoint || options_.paths == nullptr) make_lines(peer);
}

inline void verbs_transport::make_lines(int peer) {
    auto& to = at(peer);
    auto const bytes = static_cast<std::size_t>(options_.send_queue) * packet_bytes();
    to.slots.reset(new std::byte[bytes]);
    to.registered = {std::span(rails_).first(1), to.slots.get(), bytes}; // of line 0
    detail::verbs_hello mine;
    mine.rails = static_cast<std::uint32_t>(rails_.size());
    mine.count = static_cast<std::uint32_t>(options_.queue_pairs);
    for (int q = 0; q < options_.queue_pairs; ++q) {
        auto& rail = rails_[rail_of(q)];
        auto& line = to.lines.emplace_back();
        line.rail = &rail;
        line.pair = steered_pair(peer, q);
        ibv_qp_attr state{};
        state.qp_state = IBV_QPS_INIT;
        state.port_num = rail.port.number;
        state.qp_access_flags = IBV_ACCESS_REMOTE_WRITE;
        detail::require_system(-ibv_modify_qp(line.pair.get(), &state, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
                               "ibv_modify_qp to INIT");
        mine.numbers[q] = line.pair->qp_num;
        rail.peer_of[line.pair->qp_num] = peer;
    }
    for (std::size_t i = 0; i < rails_.size(); ++i) {
        auto const& port = rails_[i].port;
        mine.ports[i] = {port.attributes.active_mtu, port.attributes.lid, {}};
        std::memcpy(mine.ports[i].gid, port.gid.data(), sizeof mine.ports[i].gid);
    }
    mine.eager_bytes = static_cast<std::uint32_t>(options_.eager_bytes);
    mine.credits = static_cast<std::uint32_t>(options_.credits);
    side_.send(peer, detail::note_of(detail::verbs_note::hello, mine));
    connect(peer);
}

/// On a soft device one whose number makes a planned port, where there is a plan.
inline detail::verbs_queue verbs_transport::steered_pair(int peer, int queue) {
    auto& rail = rails_[rail_of(queue)];
    auto pair = rail.make_pair(options_.send_queue);
    auto const* const path = planned(peer, queue);
    if (path == nullptr || !rail.port.soft) return pair;
    auto const& ports = path->ports;
    // Others make queue pairs too: the way is looked up anew whenever a number was missed, but not without end.
    for (std::uint32_t tries = 0; tries < 2 * detail::soft_ports && !detail::makes_one_of(ports, pair->qp_num);) {
        auto const further = detail::queue_pairs_until(ports, pair->qp_num);
        for (std::uint32_t i = 1; i < further; ++i, ++tries) rail.make_pair(1);
        pair = rail.make_pair(options_.send_queue);
        ++tries;
    }
    if (detail::makes_one_of(ports, pair->qp_num)) ++steered_;
    return pair;
}

/// Once both sides want it.
inline void verbs_transport::connect(int peer) {
    auto& to = at(peer);
    if (to.lines.empty() || !to.hello || to.connected) return;
    auto const& theirs = *to.hello;
    if (theirs.rails != rails_.size() || theirs.count != to.lines.size() || theirs.eager_bytes != options_.eager_bytes)
        return fail({transport_failure::kind::broken, peer,
                     detail::text({"has other options: ", theirs.rails, " ports, ", theirs.count, " queue pairs and ", theirs.eager_bytes,
                                   " bytes at once, here ", rails_.size(), ", ", to.lines.size(), " and ", options_.eager_bytes}), 0, 0});
    for (int q = 0; q < options_.queue_pairs; ++q) {
        auto& line = to.lines[static_cast<std::size_t>(q)];
        auto const label = label_of(peer, q);
        move_to(line, theirs.ports[rail_of(q)], theirs.numbers[q], label);
        if (std::string_view(line.rail->port.device->device->name).starts_with("mlx5")) set_source_port(*line.pair, label);
    }
    to.credits.grant(static_cast<int>(theirs.credits));
    to.connected = true;
    side_.send(peer, detail::note_of(detail::verbs_note::ready));
}

/// Queue pairs of one rail are the parts of a flow between the ports that it joins.
inline path_table::connection const* verbs_transport::planned(int peer, int queue) {
    if (options_.paths == nullptr) return nullptr;
    auto const rail = rail_of(queue);
    return options_.paths->find(detail::name_of_rail(options_.endpoint, rail), detail::name_of_rail(at(peer).endpoint.value_or(""), rail),
                                static_cast<std::uint32_t>(static_cast<std::size_t>(queue) / rails_.size()));
}

inline std::uint32_t verbs_transport::label_of(int peer, int queue) {
    ++connected_;
    if (auto const* const path = planned(peer, queue)) {
        ++planned_;
        return path->label;
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

inline void verbs_transport::move_to(detail::verbs_line& line, detail::verbs_hello::port const& other, std::uint32_t number, std::uint32_t label) const {
    auto& pair = *line.pair;
    auto const& port = line.rail->port;
    ibv_qp_attr state{};
    state.qp_state = IBV_QPS_RTR;
    state.path_mtu = std::min(port.attributes.active_mtu, static_cast<ibv_mtu>(other.mtu));
    state.dest_qp_num = number;
    state.rq_psn = 0;
    state.max_dest_rd_atomic = 1;
    state.min_rnr_timer = 1;
    state.ah_attr.port_num = port.number;
    state.ah_attr.dlid = static_cast<std::uint16_t>(other.lid);
    state.ah_attr.is_global = 1;
    std::memcpy(state.ah_attr.grh.dgid.raw, other.gid, sizeof other.gid);
    state.ah_attr.grh.sgid_index = static_cast<std::uint8_t>(port.gid_index);
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
    case detail::verbs_note::name:
        if (auto const said = detail::read_note<detail::verbs_name>(message)) {
            peer.endpoint = std::string(said->endpoint, ::strnlen(said->endpoint, sizeof said->endpoint));
            if (peer.wanted && peer.lines.empty() && !withdrawn_) make_lines(from);
            return;
        }
        break;
    case detail::verbs_note::hello:
        if (auto const hello = detail::read_note<detail::verbs_hello>(message); hello && hello->version == 1 && hello->count <= 8 && hello->rails <= detail::most_rails) {
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
            fail({static_cast<transport_failure::kind>(std::min<std::uint8_t>(said->why, 4)), said->rank,
                  std::string(said->text, ::strnlen(said->text, sizeof said->text)), said->signature, 0, true});
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
