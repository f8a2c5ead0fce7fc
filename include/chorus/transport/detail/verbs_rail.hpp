#pragma once
/// A port that is used, with all that belongs to its device; and memory that several of them know.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/detail/verbs_objects.hpp>
#include <chorus/transport/detail/verbs_ports.hpp>

#include <infiniband/verbs.h>

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace chorus::detail {

/// Queue pairs with all their completions, and one queue of receives.
struct verbs_rail {
    verbs_port port;
    verbs_domain domain;
    verbs_channel channel;
    verbs_completions completions;
    verbs_receives receives;
    std::size_t most_inline = 128; ///< what is sent without registered memory; as the device allows
    std::unordered_map<std::uint32_t, int> peer_of; ///< by number of our queue pair
    unsigned events = 0;                            ///< not acknowledged
    std::uint64_t sent_requests = 0, sent_bytes = 0;

    /// Needs so many receives and completions at once; a transport_error where the device has fewer.
    verbs_rail(verbs_port over, int buffers, int entries) : port(std::move(over)) {
        auto& device = *port.device;
        ibv_device_attr about{};
        require_system(-ibv_query_device(&device, &about), "ibv_query_device");
        if (buffers > about.max_srq_wr || entries > about.max_cqe)
            throw transport_error(text({"chorus: the device has ", about.max_srq_wr, " receive buffers and ", about.max_cqe, " completions, ", buffers, " and ",
                                        entries, " are needed; fewer credits and a shorter send queue help"}), {});
        domain = verbs_made<verbs_domain>(ibv_alloc_pd(&device), "ibv_alloc_pd");
        channel = verbs_made<verbs_channel>(ibv_create_comp_channel(&device), "ibv_create_comp_channel");
        ::fcntl(channel->fd, F_SETFL, ::fcntl(channel->fd, F_GETFL) | O_NONBLOCK);
        completions = verbs_made<verbs_completions>(ibv_create_cq(&device, entries, nullptr, channel.get(), 0), "ibv_create_cq");
        ibv_srq_init_attr shape{};
        shape.attr.max_wr = static_cast<std::uint32_t>(buffers);
        shape.attr.max_sge = 1;
        receives = verbs_made<verbs_receives>(ibv_create_srq(domain.get(), &shape), "ibv_create_srq");
    }

    verbs_queue make_pair(int send_queue) {
        ibv_qp_init_attr shape{};
        shape.send_cq = shape.recv_cq = completions.get();
        shape.srq = receives.get();
        shape.qp_type = IBV_QPT_RC;
        shape.cap.max_send_wr = static_cast<std::uint32_t>(send_queue);
        shape.cap.max_send_sge = 2;
        shape.cap.max_inline_data = 128;
        verbs_queue pair(ibv_create_qp(domain.get(), &shape));
        if (pair == nullptr) { // not every device can send inline
            shape.cap.max_inline_data = 0;
            pair = verbs_made<verbs_queue>(ibv_create_qp(domain.get(), &shape), "ibv_create_qp");
        }
        most_inline = shape.cap.max_inline_data;
        return pair;
    }
    /// 0, or an error number. Without memory: for a write that only brings its 32 bits.
    int wait_for_message(std::byte* buffer, std::size_t bytes, std::uint32_t key) {
        ibv_sge part{reinterpret_cast<std::uintptr_t>(buffer), static_cast<std::uint32_t>(bytes), key};
        ibv_recv_wr request{};
        request.wr_id = reinterpret_cast<std::uintptr_t>(buffer);
        request.sg_list = &part;
        request.num_sge = buffer != nullptr ? 1 : 0;
        ibv_recv_wr* refused = nullptr;
        return ibv_post_srq_recv(receives.get(), &request, &refused);
    }
    /// To be told of the next completion.
    bool ask_for_event() { return ibv_req_notify_cq(completions.get(), 0) == 0; }
    void take_events() {
        ibv_cq* of = nullptr;
        void* context = nullptr;
        while (ibv_get_cq_event(channel.get(), &of, &context) == 0) ++events;
    }
};

/// Memory as the devices of all rails know it.
class verbs_keys {
public:
    verbs_keys() = default;
    verbs_keys(std::span<verbs_rail const> rails, std::byte* begin, std::size_t bytes) {
        constexpr int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;
        for (auto const& each : rails)
            of_.push_back(verbs_made<verbs_memory>(ibv_reg_mr(each.domain.get(), begin, bytes, access), text({"registering ", bytes, " bytes with the device"})));
    }
    std::uint32_t local(std::size_t rail) const { return of_[rail]->lkey; }
    std::uint32_t remote(std::size_t rail) const { return of_[rail]->rkey; }

private:
    std::vector<verbs_memory> of_;
};

} // namespace chorus::detail
