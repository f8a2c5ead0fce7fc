#pragma once
/// The hash functions by which switches choose among equal-cost next hops, over the five-tuple of a RoCEv2 packet.

#include <chorus/core/errors.hpp>
#include <chorus/network/flow.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace chorus {

/// What is hashed: addresses, ports and protocol, 13 bytes in network order.
using five_tuple = std::array<std::uint8_t, 13>;

inline constexpr std::uint16_t roce_port = 4791;
inline constexpr std::size_t source_port_at = 8; ///< in a five_tuple

inline void set_source_port(five_tuple& tuple, std::uint16_t port) {
    tuple[source_port_at] = static_cast<std::uint8_t>(port >> 8);
    tuple[source_port_at + 1] = static_cast<std::uint8_t>(port & 0xFF);
}

/// Endpoint e has the address 10.0.0.0 + e.
inline five_tuple make_tuple(endpoint_id source, endpoint_id destination, std::uint16_t source_port) {
    five_tuple t{};
    auto const from = 0x0A00'0000U + source, to = 0x0A00'0000U + destination;
    for (std::size_t i = 0; i < 4; ++i) {
        t[i] = static_cast<std::uint8_t>(from >> (24 - 8 * i));
        t[4 + i] = static_cast<std::uint8_t>(to >> (24 - 8 * i));
    }
    set_source_port(t, source_port);
    t[10] = roce_port >> 8;
    t[11] = roce_port & 0xFF;
    t[12] = 17; // UDP
    return t;
}

enum class hash_kind : std::uint8_t { crc16, crc32, xor_fold, toeplitz, jenkins };

inline constexpr std::array<std::string_view, 5> hash_names{"crc16", "crc32", "xor", "toeplitz", "jenkins"};

/// Throws usage_error for a name that is none of hash_names.
inline hash_kind parse_hash(std::string_view name) {
    for (std::size_t i = 0; i < hash_names.size(); ++i)
        if (hash_names[i] == name) return static_cast<hash_kind>(i);
    detail::misuse({"there is no hash '", name, "'; allowed are crc16, crc32, xor, toeplitz, jenkins"});
}

/// Scatters the bits of a number (the finaliser of SplitMix64).
constexpr std::uint64_t mix_bits(std::uint64_t z) {
    z += 0x9E37'79B9'7F4A'7C15U;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9U;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBU;
    return z ^ (z >> 31);
}

namespace detail {

/// Reflected, of 32 bits or fewer: byte -> what it does to the register.
constexpr std::array<std::uint32_t, 256> crc_table(std::uint32_t polynomial) {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        auto r = i;
        for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ (r % 2 == 1 ? polynomial : 0);
        table[i] = r;
    }
    return table;
}
inline constexpr auto crc32_table = crc_table(0xEDB8'8320U); // IEEE 802.3
inline constexpr auto crc16_table = crc_table(0xA001U);      // CRC-16/ARC

inline std::uint32_t crc(std::array<std::uint32_t, 256> const& table, std::uint32_t start, five_tuple const& tuple) {
    auto r = start;
    for (auto const byte : tuple) r = (r >> 8) ^ table[(r ^ byte) & 0xFF];
    return r;
}

inline std::uint32_t xor_fold(five_tuple const& t) {
    std::uint32_t folded = 0;
    for (std::size_t i = 0; i + 1 < t.size(); i += 2) folded ^= static_cast<std::uint32_t>(t[i] << 8 | t[i + 1]);
    return folded ^ t[12];
}

/// Every set bit of the input adds the 32 bits of the key that begin there. Krawczyk 1995; the key comes from the seed.
inline std::uint32_t toeplitz(std::uint32_t seed, five_tuple const& t) {
    std::array<std::uint64_t, 3> key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = mix_bits(seed + (std::uint64_t(i) << 32));
    std::uint32_t hash = 0;
    for (std::size_t bit = 0; bit < 8 * t.size(); ++bit) {
        if ((t[bit / 8] >> (7 - bit % 8)) % 2 == 0) continue;
        auto const word = bit / 64, shift = bit % 64;
        auto const window = shift == 0 ? key[word] : (key[word] << shift) | (key[word + 1] >> (64 - shift));
        hash ^= static_cast<std::uint32_t>(window >> 32);
    }
    return hash;
}

/// Jenkins' one-at-a-time hash.
inline std::uint32_t jenkins(std::uint32_t seed, five_tuple const& t) {
    auto hash = seed;
    for (auto const byte : t) {
        hash += byte;
        hash += hash << 10;
        hash ^= hash >> 6;
    }
    hash += hash << 3;
    hash ^= hash >> 11;
    return hash + (hash << 15);
}

} // namespace detail

/// The hash that a switch with that seed computes. CRC and XOR are linear: their seed turns the register and sets its
/// start, as switches offer it; two switches that differ in the start alone would choose alike.
inline std::uint32_t hash_of(hash_kind kind, std::uint32_t seed, five_tuple const& tuple) {
    auto const turn = static_cast<int>(seed % 32);
    switch (kind) {
    case hash_kind::crc32:
        return std::rotl(detail::crc(detail::crc32_table, seed, tuple), turn);
    case hash_kind::crc16:
    case hash_kind::xor_fold: {
        auto const h = kind == hash_kind::crc16 ? detail::crc(detail::crc16_table, seed & 0xFFFF, tuple)
                                                : detail::xor_fold(tuple) ^ (seed & 0xFFFF);
        return std::rotl(static_cast<std::uint16_t>(h), turn % 16);
    }
    case hash_kind::toeplitz:
        return detail::toeplitz(seed, tuple);
    case hash_kind::jenkins:
        return detail::jenkins(seed, tuple);
    }
    return 0;
}

/// Which of `choices` next hops.
inline std::uint32_t hash_choice(hash_kind kind, std::uint32_t seed, five_tuple const& tuple, std::uint32_t choices) {
    return hash_of(kind, seed, tuple) % choices;
}

/// The seed of a switch: its own, or the same for all (which polarises).
inline std::uint32_t switch_seed(std::uint32_t seed, std::uint32_t vertex, bool same_everywhere) {
    return static_cast<std::uint32_t>(mix_bits(std::uint64_t(seed) << 32 | (same_everywhere ? 0 : vertex)));
}

/// The UDP source port of a queue pair, from 0xC000 on: 14 bits, by lot, as transports choose it when nobody tells
/// them.
inline std::uint16_t default_port(flow const& f, std::uint32_t queue_pair) {
    auto const pair = mix_bits(std::uint64_t(f.source) << 32 | f.destination);
    return static_cast<std::uint16_t>(0xC000U | (mix_bits(pair ^ (std::uint64_t(f.tag) << 32 | queue_pair)) & 0x3FFFU));
}

} // namespace chorus
