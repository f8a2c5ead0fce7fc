#pragma once
/// How messages go out and come in. Part of verbs_transport.hpp.

#include <chorus/transport/detail/verbs_transport.hpp>

namespace chorus {

// A request says which queue it was of, and how many had been posted there with it; a receive where its buffer is.

inline bool verbs_transport::post_send(int peer, exchange const& ex, std::span<piece const> pieces, token tok) {
    auto const what = pieces.empty() ? piece{} : pieces[0];
    want(peer);
    auto& to = at(peer);
    if (what.bytes > options_.eager_bytes) {
        auto& write = to.writes.emplace_back();
        write.ex = ex;
        write.what = what;
        write.tok = tok;
        write.since = clock::now();
        write.keys = &keys_of(what.data, what.bytes, write.own);
        for (std::size_t i = 0; i < to.invitations.size(); ++i) {
            if (!matches(to.invitations[i].ex, ex)) continue;
            auto const invitation = to.invitations[i];
            to.invitations.erase(to.invitations.begin() + static_cast<std::ptrdiff_t>(i));
            start_write(write, invitation, peer);
            break;
        }
        push(peer);
        return false;
    }
    if (to.unsent.empty() && to.controls.empty() && can_send(peer)) {
        paths_.count(transport_path::copied, what.bytes);
        send_packet(peer, detail::verbs_header::of(kind::eager, ex, what.bytes), what.data, what.bytes);
        return true;
    }
    to.unsent.push_back({ex, what, tok});
    return false;
}

/// Sends what there are credits and room for, in order.
inline void verbs_transport::push(int peer) {
    auto& to = at(peer);
    if (!to.up() || withdrawn_) return;
    while (!to.controls.empty() && can_send(peer)) {
        auto const control = to.controls.front();
        to.controls.pop_front();
        send_packet(peer, control.head, &control.to, control.has_target ? sizeof control.to : 0);
    }
    while (to.controls.empty() && !to.unsent.empty() && can_send(peer)) {
        auto const message = to.unsent.front();
        to.unsent.pop_front();
        paths_.count(transport_path::copied, message.what.bytes);
        send_packet(peer, detail::verbs_header::of(kind::eager, message.ex, message.what.bytes), message.what.data, message.what.bytes);
        finished_.push_back({message.tok, nullptr});
    }
    for (auto& each : to.writes)
        if (each.invited && !advance_write(peer, each)) break;
    if (to.credits.must_tell() && to.lines[0].has_room(options_.send_queue)) send_packet(peer, {}, nullptr, 0);
}

/// Into the peer's next buffer. Precondition: there is room, and a credit unless the packet is nothing but credits.
inline void verbs_transport::send_packet(int peer, detail::verbs_header head, void const* payload, std::size_t bytes) {
    auto& to = at(peer);
    auto const carries_message = head.kind != kind::credit;
    if (carries_message) to.credits.use();
    head.credits = to.credits.tell();
    ibv_sge parts[2] = {};
    ibv_send_wr request{};
    request.opcode = IBV_WR_SEND;
    request.sg_list = parts;
    if (sizeof head + bytes <= rails_[0].most_inline) { // read while it is posted
        parts[0] = {reinterpret_cast<std::uintptr_t>(&head), sizeof head, 0};
        parts[1] = {reinterpret_cast<std::uintptr_t>(payload), static_cast<std::uint32_t>(bytes), 0};
        request.num_sge = bytes > 0 ? 2 : 1;
        request.send_flags = IBV_SEND_INLINE;
    } else { // a place of its own in the queue is one in memory
        auto* const slot = to.slots.get() + to.lines[0].posted % static_cast<std::uint32_t>(options_.send_queue) * packet_bytes();
        std::memcpy(slot, &head, sizeof head);
        if (bytes > 0) std::memcpy(slot + sizeof head, payload, bytes);
        parts[0] = {reinterpret_cast<std::uintptr_t>(slot), static_cast<std::uint32_t>(sizeof head + bytes), to.registered.local(0)};
        request.num_sge = 1;
    }
    post_request(peer, 0, request, false, nullptr);
}

inline void verbs_transport::post_request(int peer, int queue, ibv_send_wr& request, bool awaited, detail::verbs_write* write) {
    auto& line = at(peer).lines[static_cast<std::size_t>(queue)];
    ++line.posted;
    request.wr_id = std::uint64_t{1} << 63 | static_cast<std::uint64_t>(peer) << 40 | static_cast<std::uint64_t>(queue) << 32 | line.posted;
    if (line.signals(options_.send_queue, awaited)) request.send_flags |= IBV_SEND_SIGNALED;
    if (write != nullptr) line.marks.push_back({line.posted, write});
    ++line.rail->sent_requests;
    for (auto const& part : std::span(request.sg_list, static_cast<std::size_t>(request.num_sge))) line.rail->sent_bytes += part.length;
    ibv_send_wr* refused = nullptr;
    if (auto const error = ibv_post_send(line.pair.get(), &request, &refused); error != 0)
        fail({transport_failure::kind::broken, peer, detail::text({"ibv_post_send: ", std::strerror(error)}), 0, 0});
}

inline void verbs_transport::start_write(detail::verbs_write& what, detail::verbs_invitation const& to, int peer) {
    if (to.ex.signature != what.ex.signature || to.bytes != what.what.bytes)
        return mismatch(peer, to.ex, to.bytes, what.ex, what.what.bytes, true);
    constexpr std::size_t least_stripe = std::size_t{64} << 10;
    what.invited = true;
    what.to = to.to;
    what.stripes = static_cast<std::uint32_t>(std::clamp<std::size_t>(what.what.bytes / least_stripe, 1, at(peer).lines.size()));
    what.unfinished = what.stripes;
    paths_.count(transport_path::direct, what.what.bytes);
}

/// True when all was posted. The last write of a stripe takes a buffer of the peer, and so a credit.
inline bool verbs_transport::advance_write(int peer, detail::verbs_write& what) {
    auto& to = at(peer);
    for (; what.next_stripe < what.stripes; ++what.next_stripe) {
        auto const queue = static_cast<int>(what.next_stripe);
        auto const rail = rail_of(queue);
        auto const end = what.what.bytes * (what.next_stripe + 1) / what.stripes;
        while (what.offset < end) {
            auto const bytes = std::min<std::size_t>(end - what.offset, rails_[rail].port.attributes.max_msg_sz);
            auto const last = what.offset + bytes == end;
            if (!to.lines[what.next_stripe].has_room(options_.send_queue) || (last && !to.credits.any())) return false;
            ibv_sge part{reinterpret_cast<std::uintptr_t>(what.what.data + what.offset), static_cast<std::uint32_t>(bytes), what.keys->local(rail)};
            ibv_send_wr request{};
            request.opcode = last ? IBV_WR_RDMA_WRITE_WITH_IMM : IBV_WR_RDMA_WRITE;
            request.sg_list = &part;
            request.num_sge = 1;
            request.wr.rdma.remote_addr = what.to.address + what.offset;
            request.wr.rdma.rkey = what.to.keys[rail];
            if (last) {
                detail::verbs_immediate const told{what.to.slot, what.stripes};
                to.credits.use();
                request.imm_data = htonl(told.value());
            }
            post_request(peer, queue, request, last, last ? &what : nullptr);
            what.offset += bytes;
        }
    }
    return true;
}

/// Those of memory that `allocate` gave, or of a registration that `own` holds.
inline detail::verbs_keys const& verbs_transport::keys_of(std::byte* memory, std::size_t bytes, detail::verbs_registrations::lease& own) {
    auto const after = allocations_.upper_bound(memory);
    if (after != allocations_.begin()) {
        auto const& [begin, known] = *std::prev(after);
        if (memory + bytes <= begin + known.bytes) return known.registered;
    }
    own = registrations_->get(memory, bytes);
    return own.key();
}

inline std::byte const* verbs_transport::post(int peer, detail::verbs_incoming const& wish) {
    want(peer);
    auto& from = at(peer);
    if (wish.target.bytes > options_.eager_bytes) {
        auto const slot = next_slot_++ % detail::verbs_immediate::most_slots;
        auto& landing = landings_[slot];
        landing.peer = peer;
        landing.wish = wish;
        auto const& keys = keys_of(wish.target.data, wish.target.bytes, landing.own);
        detail::verbs_target where{reinterpret_cast<std::uintptr_t>(wish.target.data), slot};
        for (std::size_t i = 0; i < rails_.size(); ++i) where.keys[i] = keys.remote(i);
        from.controls.push_back({detail::verbs_header::of(kind::invitation, wish.ex, wish.target.bytes), where, true});
        ++from.landings;
        push(peer);
        return nullptr;
    }
    for (std::size_t i = 0; i < from.unexpected.size(); ++i) {
        auto& early = from.unexpected[i];
        if (!matches(early.ex, wish.ex)) continue;
        auto const fits = early.ex.signature == wish.ex.signature && early.bytes.size() == wish.target.bytes;
        if (!fits) mismatch(peer, early.ex, early.bytes.size(), wish.ex, wish.target.bytes, false);
        else if (!early.bytes.empty()) std::memcpy(wish.target.data, early.bytes.data(), early.bytes.size());
        from.unexpected.erase(from.unexpected.begin() + static_cast<std::ptrdiff_t>(i));
        return !fits ? nullptr : wish.target.data != nullptr ? wish.target.data : inbox_.get(); // anything but null
    }
    from.posted.push_back(wish);
    return nullptr;
}

/// The peer's message was read.
inline void verbs_transport::give_back(int peer, std::byte* buffer, bool owed) {
    wait_for_message(rails_[0], buffer);
    if (owed) at(peer).credits.owe();
}
inline void verbs_transport::wait_for_message(detail::verbs_rail& rail, std::byte* buffer) {
    if (auto const error = rail.wait_for_message(buffer, packet_bytes(), inbox_registered_.local(0)); error != 0)
        fail({transport_failure::kind::broken, rank_, detail::text({"ibv_post_srq_recv: ", std::strerror(error)}), 0, 0});
}

inline void verbs_transport::drain(detail::verbs_rail& rail) {
    constexpr int batch = 16;
    ibv_wc found[batch];
    for (int count = batch; count == batch;) {
        count = ibv_poll_cq(rail.completions.get(), batch, found);
        if (count < 0) return fail({transport_failure::kind::broken, rank_, "ibv_poll_cq failed", 0, 0});
        for (auto const& each : std::span(found, static_cast<std::size_t>(count))) {
            auto const known = rail.peer_of.find(each.qp_num);
            if (known == rail.peer_of.end()) continue; // of a queue pair that is gone
            auto const peer = known->second;
            if ((each.wr_id >> 63) != 0) confirmed(peer, static_cast<int>(each.wr_id >> 32 & 0xFF), static_cast<std::uint32_t>(each.wr_id));
            if (each.status == IBV_WC_SUCCESS) {
                if ((each.wr_id >> 63) == 0) received(peer, rail, each);
                else push(peer);
            } else if (!withdrawn_ && each.status != IBV_WC_WR_FLUSH_ERR) {
                auto const silent = each.status == IBV_WC_RETRY_EXC_ERR;
                fail({silent ? transport_failure::kind::left : transport_failure::kind::broken, peer,
                      detail::text({ibv_wc_status_str(each.status), ": ", detail::verbs_meaning(each.status)}), 0, 0});
            } else if (!withdrawn_) {
                fail(gone(peer, "its queue pair has failed"));
            }
        }
    }
}

/// All requests of the queue up to that one are through.
inline void verbs_transport::confirmed(int peer, int queue, std::uint32_t at_request) {
    auto& of = at(peer);
    auto& line = of.lines[static_cast<std::size_t>(queue)];
    line.confirmed = at_request;
    while (!line.marks.empty() && static_cast<std::int32_t>(at_request - line.marks.front().at) >= 0) {
        auto* const write = line.marks.front().write;
        line.marks.pop_front();
        if (--write->unfinished > 0 || withdrawn_) continue;
        finished_.push_back({write->tok, nullptr});
        of.writes.remove_if([&](detail::verbs_write const& each) { return &each == write; });
    }
}

inline void verbs_transport::received(int peer, detail::verbs_rail& rail, ibv_wc const& what) {
    auto& from = at(peer);
    auto* const buffer = reinterpret_cast<std::byte*>(what.wr_id);
    if (what.opcode == IBV_WC_RECV_RDMA_WITH_IMM) {
        landed(peer, ntohl(what.imm_data));
        wait_for_message(rail, buffer);
        from.credits.owe();
        return push(peer);
    }
    detail::verbs_header head;
    if (what.byte_len >= sizeof head) std::memcpy(&head, buffer, sizeof head);
    auto const payload = what.byte_len - sizeof head;
    if (what.byte_len < sizeof head || (head.kind == kind::eager && head.bytes != payload) || (head.kind == kind::invitation && payload != sizeof(detail::verbs_target)))
        return fail({transport_failure::kind::broken, peer, detail::text({"sent ", what.byte_len, " bytes that make no sense"}), 0, 0});
    from.credits.returned(head.credits);
    if (head.kind == kind::eager) {
        eager_came(peer, head, buffer);
    } else {
        if (head.kind == kind::invitation) {
            detail::verbs_invitation invitation{head.ex(), head.bytes, {}};
            std::memcpy(&invitation.to, buffer + sizeof head, sizeof invitation.to);
            invite(peer, invitation);
        } else if (head.kind == kind::impatience) {
            for (auto const& wish : from.posted)
                if (matches(wish.ex, head.ex())) mismatch(peer, head.ex(), head.bytes, wish.ex, wish.target.bytes, false);
        }
        give_back(peer, buffer, head.kind != kind::credit);
    }
    push(peer);
}

inline void verbs_transport::invite(int peer, detail::verbs_invitation const& what) {
    for (auto& write : at(peer).writes)
        if (!write.invited && matches(write.ex, what.ex)) return start_write(write, what, peer);
    for (auto const& message : at(peer).unsent) // a short one is on its way to a long receive
        if (matches(message.ex, what.ex)) return mismatch(peer, what.ex, what.bytes, message.ex, message.what.bytes, true);
    at(peer).invitations.push_back(what);
}

inline void verbs_transport::eager_came(int peer, detail::verbs_header const& head, std::byte* buffer) {
    auto& from = at(peer);
    auto const* const bytes = buffer + sizeof head;
    auto const wish = std::find_if(from.posted.begin(), from.posted.end(), [&](auto const& each) { return matches(each.ex, head.ex()); });
    if (wish == from.posted.end()) {
        for (auto const& [slot, landing] : landings_)
            if (landing.peer == peer && matches(landing.wish.ex, head.ex()))
                mismatch(peer, head.ex(), head.bytes, landing.wish.ex, landing.wish.target.bytes, false);
        from.unexpected.push_back({head.ex(), std::vector(bytes, bytes + head.bytes)}); // its buffer is needed by others
        return give_back(peer, buffer);
    }
    if (head.signature != wish->ex.signature || head.bytes != wish->target.bytes) {
        mismatch(peer, head.ex(), head.bytes, wish->ex, wish->target.bytes, false);
        return give_back(peer, buffer);
    }
    if (wish->view && head.bytes > 0) {
        finished_.push_back({wish->tok, bytes});
        shown_.push_back({wish->tok, peer, buffer});
    } else {
        if (head.bytes > 0) std::memcpy(wish->target.data, bytes, head.bytes);
        finished_.push_back({wish->tok, wish->view ? wish->target.data : nullptr});
        give_back(peer, buffer);
    }
    from.posted.erase(wish);
}

inline void verbs_transport::landed(int peer, std::uint32_t immediate) {
    auto const told = detail::verbs_immediate::from(immediate);
    auto const found = landings_.find(told.slot);
    if (found == landings_.end() || found->second.peer != peer)
        return fail({transport_failure::kind::broken, peer, detail::text({"wrote to slot ", told.slot, ", which is not its"}), 0, 0});
    if (++found->second.arrived < told.stripes) return;
    auto const& wish = found->second.wish;
    finished_.push_back({wish.tok, wish.view ? wish.target.data : nullptr});
    landings_.erase(found);
    --at(peer).landings;
}

inline std::byte* verbs_transport::allocate(std::size_t bytes) {
    constexpr std::size_t page = 4096;
    auto const rounded = (bytes + page - 1) / page * page;
    auto* const memory = static_cast<std::byte*>(::operator new(rounded, std::align_val_t(page), std::nothrow));
    if (memory == nullptr) throw transport_error(detail::text({"chorus: no room for ", bytes, " bytes"}), {});
    std::memset(memory, 0, rounded);
    try {
        allocations_.emplace(memory, allocation{rounded, {rails_, memory, rounded}});
    } catch (...) {
        ::operator delete(memory, std::align_val_t(page));
        throw;
    }
    return memory;
}
inline void verbs_transport::free(std::byte* memory) {
    if (allocations_.erase(memory) > 0) ::operator delete(memory, std::align_val_t(4096));
}

static_assert(viewing_transport<verbs_transport> && estimating_transport<verbs_transport> && allocating_transport<verbs_transport> &&
              reporting_transport<verbs_transport> && describing_transport<verbs_transport>);

} // namespace chorus
