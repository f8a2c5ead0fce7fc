#pragma once
/// The objects of libibverbs with their owners.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/system_error.hpp>

#include <infiniband/verbs.h>

#include <memory>
#include <string_view>

namespace chorus::detail {

template <auto Destroy>
struct verbs_destroyer {
    template <class T>
    void operator()(T* what) const {
        Destroy(what);
    }
};
using verbs_device = std::unique_ptr<ibv_context, verbs_destroyer<ibv_close_device>>;
using verbs_domain = std::unique_ptr<ibv_pd, verbs_destroyer<ibv_dealloc_pd>>;
using verbs_channel = std::unique_ptr<ibv_comp_channel, verbs_destroyer<ibv_destroy_comp_channel>>;
using verbs_completions = std::unique_ptr<ibv_cq, verbs_destroyer<ibv_destroy_cq>>;
using verbs_receives = std::unique_ptr<ibv_srq, verbs_destroyer<ibv_destroy_srq>>;
using verbs_queue = std::unique_ptr<ibv_qp, verbs_destroyer<ibv_destroy_qp>>;
using verbs_memory = std::unique_ptr<ibv_mr, verbs_destroyer<ibv_dereg_mr>>;

/// Made, or a transport_error that says what could not be.
template <class Owner, class T>
Owner verbs_made(T* what, std::string_view name) {
    if (what == nullptr) system_failure(name);
    return Owner(what);
}

/// What a completion's status means to people.
inline std::string_view verbs_meaning(ibv_wc_status status) {
    switch (status) {
    case IBV_WC_SUCCESS: return "success";
    case IBV_WC_LOC_LEN_ERR: return "a message was longer than the buffer for it";
    case IBV_WC_LOC_QP_OP_ERR: return "the queue pair could not do what was asked";
    case IBV_WC_LOC_EEC_OP_ERR: return "the end-to-end context could not do what was asked";
    case IBV_WC_LOC_PROT_ERR: return "local memory was not registered for this";
    case IBV_WC_WR_FLUSH_ERR: return "given up, since the queue pair has failed before";
    case IBV_WC_MW_BIND_ERR: return "a memory window could not be bound";
    case IBV_WC_BAD_RESP_ERR: return "the peer's device answered nonsense";
    case IBV_WC_LOC_ACCESS_ERR: return "a peer wrote where it may not";
    case IBV_WC_REM_INV_REQ_ERR: return "the peer's device refused the request";
    case IBV_WC_REM_ACCESS_ERR: return "the peer's memory was not registered for this, or no longer";
    case IBV_WC_REM_OP_ERR: return "the peer's device failed";
    case IBV_WC_RETRY_EXC_ERR: return "no answer after all retries: the peer, its link or the way to it is dead";
    case IBV_WC_RNR_RETRY_EXC_ERR: return "the peer had no buffer for a message";
    case IBV_WC_LOC_RDD_VIOL_ERR: return "reliable datagram domains do not match";
    case IBV_WC_REM_INV_RD_REQ_ERR: return "the peer refused a reliable datagram";
    case IBV_WC_REM_ABORT_ERR: return "the peer has aborted the operation";
    case IBV_WC_INV_EECN_ERR: return "no such end-to-end context";
    case IBV_WC_INV_EEC_STATE_ERR: return "the end-to-end context is in the wrong state";
    case IBV_WC_FATAL_ERR: return "the device has failed";
    case IBV_WC_RESP_TIMEOUT_ERR: return "the peer's answer took too long";
    default: return "an error that this library does not know";
    }
}

} // namespace chorus::detail
