#pragma once
/// The ports of this host's devices, and what the environment says of them.

#include <chorus/core/text.hpp>
#include <chorus/transport/detail/system_error.hpp>
#include <chorus/transport/detail/verbs_choice.hpp>
#include <chorus/transport/detail/verbs_objects.hpp>
#include <chorus/transport/verbs_options.hpp>

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::detail {

/// A port that is used, and why.
struct verbs_port {
    verbs_device device;
    ibv_port_attr attributes{};
    std::uint8_t number = 1;
    int gid_index = 0;
    gid_bytes gid{};
    bool soft = false; ///< flow labels do not become source ports
    std::string why;   ///< for people
};

/// All ports of this host's devices; a device that cannot be opened has one that is not active.
inline std::vector<verbs_port_entry> list_ports() {
    int count = 0;
    std::unique_ptr<ibv_device*, void (*)(ibv_device**)> const all(ibv_get_device_list(&count), ibv_free_device_list);
    std::vector<verbs_port_entry> ports;
    for (int i = 0; i < (all == nullptr ? 0 : count); ++i) {
        verbs_port_entry entry;
        entry.device = ibv_get_device_name(all.get()[i]);
        verbs_device const device(ibv_open_device(all.get()[i]));
        ibv_device_attr about{};
        auto const opened = device != nullptr && ibv_query_device(device.get(), &about) == 0;
        entry.soft = entry.device.starts_with("rxe") || about.vendor_id == 0xFFFFFF;
        for (entry.number = 1; entry.number <= (opened ? about.phys_port_cnt : 1); ++entry.number) {
            ibv_port_attr state{};
            auto const number = static_cast<std::uint8_t>(entry.number);
            entry.active = opened && ibv_query_port(device.get(), number, &state) == 0 && state.state == IBV_PORT_ACTIVE;
            entry.infiniband = state.link_layer == IBV_LINK_LAYER_INFINIBAND;
            entry.gids.clear();
            for (int index = 0; entry.active && index < state.gid_tbl_len; ++index) {
                ibv_gid_entry gid{};
                if (ibv_query_gid_ex(device.get(), number, static_cast<std::uint32_t>(index), &gid, 0) != 0) continue;
                entry.gids.push_back({index, {}, gid.gid_type == IBV_GID_TYPE_ROCE_V2});
                std::memcpy(entry.gids.back().address.data(), gid.gid.raw, sizeof gid.gid.raw);
            }
            ports.push_back(entry);
        }
    }
    return ports;
}

inline verbs_device open_device(std::string_view name) {
    int count = 0;
    std::unique_ptr<ibv_device*, void (*)(ibv_device**)> const all(ibv_get_device_list(&count), ibv_free_device_list);
    for (int i = 0; i < count; ++i)
        if (ibv_get_device_name(all.get()[i]) == name) return verbs_made<verbs_device>(ibv_open_device(all.get()[i]), text({"opening ", name}));
    throw transport_error(text({"chorus: device ", name, " is gone"}), {});
}

/// The ports that the options ask for (choose_ports), open.
inline std::vector<verbs_port> open_ports(verbs_options const& wanted) {
    auto const all = list_ports();
    std::vector<verbs_port> opened;
    for (auto const& each : choose_ports(all, wanted.device, wanted.port, wanted.gid)) {
        auto const& entry = all[each.port];
        verbs_port port;
        port.device = open_device(entry.device);
        port.number = static_cast<std::uint8_t>(entry.number);
        require_system(-ibv_query_port(port.device.get(), port.number, &port.attributes), "ibv_query_port");
        port.gid_index = each.gid.index;
        port.gid = each.gid.address;
        port.soft = entry.soft;
        port.why = each.why;
        if (port.soft) port.why += "; a soft device: it makes UDP source ports of queue pair numbers, flow labels do nothing";
        opened.push_back(std::move(port));
    }
    return opened;
}

} // namespace chorus::detail

namespace chorus {

inline verbs_options verbs_options::from_environment() {
    verbs_options how;
    auto const number = [](char const* name, long long least, long long most, auto otherwise) {
        auto const* const given = std::getenv(name);
        if (given == nullptr) return otherwise;
        char* end = nullptr;
        auto const value = std::strtoll(given, &end, 10);
        if (*given == '\0' || *end != '\0' || value < least || value > most)
            detail::misuse({name, "=", given, " is no number from ", least, " to ", most});
        return static_cast<decltype(otherwise)>(value);
    };
    if (auto const* const name = std::getenv("CHORUS_VERBS_DEVICE")) how.device = name;
    how.port = number("CHORUS_VERBS_PORT", 1, 255, 0);
    if (auto const* const gid = std::getenv("CHORUS_VERBS_GID")) how.gid = gid;
    how.queue_pairs = number("CHORUS_VERBS_QUEUE_PAIRS", 1, most_queue_pairs, how.queue_pairs);
    how.eager_bytes = number("CHORUS_VERBS_EAGER_BYTES", 0, 1 << 20, how.eager_bytes);
    how.kept_bytes = number("CHORUS_VERBS_KEPT_BYTES", 0, std::numeric_limits<long long>::max(), how.kept_bytes);
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
