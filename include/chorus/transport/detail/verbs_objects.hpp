#pragma once
/// Devices, their ports, and the objects of libibverbs with their owners.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/verbs_options.hpp>

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

inline verbs_memory register_memory(ibv_pd& domain, void* begin, std::size_t bytes) {
    constexpr int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;
    return verbs_made<verbs_memory>(ibv_reg_mr(&domain, begin, bytes, access), text({"registering ", bytes, " bytes with the device"}));
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

/// The port that is used, and why.
struct verbs_port {
    verbs_device device;
    ibv_port_attr attributes{};
    std::uint8_t number = 1;
    int gid_index = 0;
    ibv_gid gid{};
    bool soft = false;      ///< the kernel plays the device: flow labels do not become source ports
    std::size_t most_inline = 0;
    std::string why;        ///< for people
};

/// How good a GID is: RoCE v2 before v1 and InfiniBand's, IPv4 before IPv6, and neither before a link-local address.
inline int worth_of_gid(ibv_gid_entry const& entry) {
    if (entry.gid.global.subnet_prefix == 0 && entry.gid.global.interface_id == 0) return 0;
    std::uint8_t const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    auto const is_ipv4 = std::memcmp(entry.gid.raw, mapped, sizeof mapped) == 0;
    auto const is_link_local = entry.gid.raw[0] == 0xFE && entry.gid.raw[1] == 0x80;
    return (entry.gid_type == IBV_GID_TYPE_ROCE_V2 ? 10 : 1) + (is_ipv4 ? 3 : is_link_local ? 0 : 2);
}

/// Opens the device and port that the options name, or the first that is active. A transport_error that says what there is, and why
/// it was not taken.
inline verbs_port open_port(verbs_options const& wanted) {
    int count = 0;
    std::unique_ptr<ibv_device*, void (*)(ibv_device**)> const all(ibv_get_device_list(&count), [](ibv_device** list) {
        if (list != nullptr) ibv_free_device_list(list);
    });
    if (all == nullptr || count == 0) throw transport_error("chorus: this host has no RDMA device", {});
    std::string refused;
    for (int i = 0; i < count; ++i) {
        std::string const name = ibv_get_device_name(all.get()[i]);
        if (!wanted.device.empty() && name != wanted.device) {
            append(refused, {"; ", name, " is not ", wanted.device});
            continue;
        }
        verbs_device device(ibv_open_device(all.get()[i]));
        ibv_device_attr about{};
        if (device == nullptr || ibv_query_device(device.get(), &about) != 0) {
            append(refused, {"; ", name, " cannot be opened"});
            continue;
        }
        for (std::uint8_t number = 1; number <= about.phys_port_cnt; ++number) {
            if (wanted.port != 0 && number != wanted.port) continue;
            verbs_port port;
            if (ibv_query_port(device.get(), number, &port.attributes) != 0 || port.attributes.state != IBV_PORT_ACTIVE) {
                append(refused, {"; port ", static_cast<int>(number), " of ", name, " is not active"});
                continue;
            }
            auto best = 0;
            for (int index = 0; index < port.attributes.gid_tbl_len; ++index) {
                ibv_gid_entry entry{};
                if (wanted.gid >= 0 && index != wanted.gid) continue;
                if (ibv_query_gid_ex(device.get(), number, static_cast<std::uint32_t>(index), &entry, 0) != 0) continue;
                if (auto const worth = worth_of_gid(entry); worth > best) {
                    best = worth;
                    port.gid_index = index;
                    port.gid = entry.gid;
                }
            }
            if (best == 0) {
                append(refused, {"; port ", static_cast<int>(number), " of ", name, " has no such GID"});
                continue;
            }
            port.number = number;
            port.soft = std::string_view(name).starts_with("rxe") || about.vendor_id == 0xFFFFFF;
            port.device = std::move(device);
            port.why = text({name, " port ", static_cast<int>(number), ", GID ", port.gid_index, best >= 10 ? " (RoCE v2)" : "",
                             wanted.device.empty() ? ", the first that is active" : ", as asked for",
                             port.soft ? "; a soft device: it makes UDP source ports of queue pair numbers, flow labels do nothing" : ""});
            return port;
        }
    }
    throw transport_error(text({"chorus: no RDMA port can be used", refused}), {});
}

} // namespace chorus::detail

namespace chorus {

inline verbs_options verbs_options::from_environment() {
    verbs_options how;
    auto const number = [](char const* name, int least, int most, int otherwise) {
        auto const* const given = std::getenv(name);
        if (given == nullptr) return otherwise;
        char* end = nullptr;
        auto const value = std::strtol(given, &end, 10);
        if (*given == '\0' || *end != '\0' || value < least || value > most)
            detail::misuse({name, "=", given, " is no number from ", least, " to ", most});
        return static_cast<int>(value);
    };
    if (auto const* const name = std::getenv("CHORUS_VERBS_DEVICE")) how.device = name;
    how.port = number("CHORUS_VERBS_PORT", 1, 255, 0);
    how.gid = number("CHORUS_VERBS_GID", 0, 65535, -1);
    how.queue_pairs = number("CHORUS_VERBS_QUEUE_PAIRS", 1, most_queue_pairs, how.queue_pairs);
    if (auto const* const name = std::getenv("CHORUS_ENDPOINT")) how.endpoint = name;
    if (auto const* const file = std::getenv("CHORUS_PATHS")) {
        std::ifstream in(file);
        std::string const all{std::istreambuf_iterator<char>(in), {}};
        if (!in.good() && all.empty()) detail::misuse({"CHORUS_PATHS=", file, " cannot be read"});
        how.paths = std::make_shared<path_table const>(path_table::parse(all, file));
    }
    return how;
}

} // namespace chorus
