#pragma once
/// Planned paths on a device that knows nothing of them. Needs no device.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace chorus::detail {

/// So many source ports a soft device makes: 0xC000 and above.
inline constexpr std::uint32_t soft_ports = 1U << 14;

/// The UDP source port of a queue pair of Linux's rdma_rxe, which does not look at flow labels: its number multiplied by 2^32 over the
/// golden ratio, the upper 14 bits (rxe_qp_init_req, hash_32).
constexpr std::uint16_t soft_source_port(std::uint32_t queue_pair) {
    return static_cast<std::uint16_t>(0xC000U + (queue_pair * 0x61C88647U >> 18));
}

constexpr bool makes_one_of(std::span<std::uint16_t const> ports, std::uint32_t queue_pair) {
    return std::find(ports.begin(), ports.end(), soft_source_port(queue_pair)) != ports.end();
}

/// How many queue pairs must be made after `queue_pair` until one has one of these ports: the device numbers them one by one. For one
/// port at most about 2.6 x 2^14, since multiples of the golden ratio spread evenly (Knuth, The Art of Computer Programming, volume 3,
/// 6.4). Precondition: there is a port, of 0xC000 and above.
constexpr std::uint32_t queue_pairs_until(std::span<std::uint16_t const> ports, std::uint32_t queue_pair) {
    std::uint32_t further = 1;
    while (!makes_one_of(ports, queue_pair + further)) ++further;
    return further;
}

/// The part of a list separated by commas; the last one stands for all that follow.
constexpr std::string_view name_of_rail(std::string_view names, std::size_t rail) {
    for (; rail > 0 && names.find(',') != std::string_view::npos; --rail) names.remove_prefix(names.find(',') + 1);
    return names.substr(0, names.find(','));
}

} // namespace chorus::detail
