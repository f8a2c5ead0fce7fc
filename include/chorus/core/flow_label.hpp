#pragma once
/// Flow labels and the UDP source ports that RoCE v2 devices make of them.

#include <cstdint>

namespace chorus {

/// The lower 14 bits of the label, in which the upper 6 are folded, above 49152. As rdma-core's ibv_flow_label_to_udp_sport has it.
constexpr std::uint16_t port_of_flow_label(std::uint32_t label) {
    return static_cast<std::uint16_t>(0xC000U | ((label ^ (label >> 14 & 0x3FU)) & 0x3FFFU));
}
/// A flow label that gives that port: its 14 low bits.
constexpr std::uint32_t flow_label_of_port(std::uint16_t port) { return port & 0x3FFFU; }

} // namespace chorus
