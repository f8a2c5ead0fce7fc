#pragma once
/// Which ports of which RDMA devices are taken. Knows them by description: needs no device.

#include <chorus/core/errors.hpp>
#include <chorus/core/text.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace chorus::detail {

using gid_bytes = std::array<std::uint8_t, 16>;

/// One line of a port's table of GIDs.
struct verbs_gid_entry {
    int index = 0;
    gid_bytes address{};
    bool roce_v2 = false;
};
struct verbs_port_entry {
    std::string device;
    int number = 1;
    bool active = false;
    bool infiniband = false; ///< the link layer; otherwise Ethernet
    bool soft = false;       ///< the kernel plays the device
    std::vector<verbs_gid_entry> gids;
};

inline bool is_ipv4(gid_bytes const& address) {
    constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return std::memcmp(address.data(), mapped, sizeof mapped) == 0;
}
inline bool is_link_local(gid_bytes const& address) { return address[0] == 0xFE && (address[1] & 0xC0) == 0x80; }

inline std::string gid_text(gid_bytes const& address) {
    char text[INET6_ADDRSTRLEN] = {};
    if (is_ipv4(address)) ::inet_ntop(AF_INET, address.data() + 12, text, sizeof text);
    else ::inet_ntop(AF_INET6, address.data(), text, sizeof text);
    return text;
}

/// From 0 to `most`, and nothing else.
inline std::optional<int> small_number(std::string_view text, int most) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
    return value;
}

/// Which GIDs are allowed: `` (all), an index, `ipv4`, `ipv6`, or ADDRESS[/BITS].
class gid_wish {
public:
    /// A usage_error where it is none of these.
    static gid_wish parse(std::string_view text) {
        gid_wish wish;
        if (text.empty()) return wish;
        if (auto const index = small_number(text, 65'535)) {
            wish.index_ = *index;
            return wish;
        }
        if (text == "ipv4" || text == "ipv6") {
            wish.ipv4_ = text == "ipv4";
            return wish;
        }
        auto const slash = std::min(text.find('/'), text.size());
        std::string const address(text.substr(0, slash));
        auto const is_short = ::inet_pton(AF_INET, address.c_str(), wish.prefix_.data() + 12) == 1;
        if (is_short) wish.prefix_[10] = wish.prefix_[11] = 0xFF;
        auto const bits = slash == text.size() ? std::optional(is_short ? 32 : 128) : small_number(text.substr(slash + 1), is_short ? 32 : 128);
        if ((!is_short && ::inet_pton(AF_INET6, address.c_str(), wish.prefix_.data()) != 1) || !bits)
            misuse({"verbs: a GID is asked for by its index, ipv4, ipv6, or ADDRESS[/BITS], not '", text, "'"});
        wish.bits_ = static_cast<std::size_t>(*bits + (is_short ? 96 : 0));
        return wish;
    }

    bool allows(verbs_gid_entry const& entry) const {
        if (index_) return entry.index == *index_;
        if (ipv4_) return is_ipv4(entry.address) == *ipv4_;
        for (std::size_t bit = 0; bit < bits_; ++bit)
            if (((entry.address[bit / 8] ^ prefix_[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
        return true;
    }

private:
    std::optional<int> index_;
    std::optional<bool> ipv4_;
    gid_bytes prefix_{};
    std::size_t bits_ = 0;
};

/// How good a GID is: routable before RoCE v1, IPv4 before IPv6, and neither before a link-local address. 0: of no use.
inline int worth_of_gid(verbs_gid_entry const& entry, bool infiniband) {
    if (entry.address == gid_bytes{}) return 0;
    auto const by_address = infiniband || is_ipv4(entry.address) ? 3 : is_link_local(entry.address) ? 1 : 2;
    return (entry.roce_v2 || infiniband ? 10 : 0) + by_address;
}

struct verbs_choice {
    std::size_t port = 0; ///< its place in the list
    verbs_gid_entry gid;
    std::string why; ///< for people
};

/// What can be used, and why the rest cannot.
struct verbs_usable {
    std::vector<verbs_choice> ports;
    std::string refused;
};

inline verbs_usable usable_ports(std::span<verbs_port_entry const> all, gid_wish const& wish) {
    verbs_usable result;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto const& each = all[i];
        auto const name = text({each.device, ":", each.number});
        verbs_gid_entry const* best = nullptr;
        std::string others;
        for (auto const& entry : each.gids) {
            auto const worth = worth_of_gid(entry, each.infiniband);
            if (worth > 0) append(others, {others.empty() ? ", only " : ", ", entry.index, " (", gid_text(entry.address), ")"});
            if (wish.allows(entry) && worth > (best == nullptr ? 0 : worth_of_gid(*best, each.infiniband))) best = &entry;
        }
        if (!each.active) append(result.refused, {"; ", name, " is not active"});
        else if (best == nullptr) append(result.refused, {"; ", name, " has no such GID", others});
        else
            result.ports.push_back({i, *best, text({name, each.infiniband ? " (InfiniBand, active)" : " (Ethernet, active)", ", GID ", best->index, " ",
                                                    gid_text(best->address), best->roce_v2 ? " (RoCE v2)" : each.infiniband ? "" : " (RoCE v1)"})});
    }
    return result;
}

/// The ports that are asked for, in this order: `devices` is a list of NAME or NAME:PORT separated by commas, `all` for every port that
/// can be used, or empty for the best one: hardware before soft devices, then by its GID, then the first. `port` is meant where a name
/// has none, 0 for any. A usage_error where the wish makes no sense, a transport_error where it cannot be had: it says what there is.
inline std::vector<verbs_choice> choose_ports(std::span<verbs_port_entry const> all, std::string_view devices, int port, std::string_view gid) {
    auto found = usable_ports(all, gid_wish::parse(gid));
    auto &usable = found.ports;
    auto &refused = found.refused;
    auto const fail = [&](std::string_view what) {
        throw transport_error(text({"chorus: ", what, all.empty() ? std::string_view("; this host has no RDMA device") : refused}), {});
    };
    if (devices == "all" || devices.empty()) {
        std::erase_if(usable, [&](verbs_choice const& c) { return port != 0 && all[c.port].number != port; });
        if (usable.empty()) fail("no RDMA port can be used");
        if (devices == "all") return usable;
        auto const worth = [&](verbs_choice const& c) { return std::pair(!all[c.port].soft, worth_of_gid(c.gid, all[c.port].infiniband)); };
        auto best = *std::max_element(usable.begin(), usable.end(), [&](auto const& a, auto const& b) { return worth(a) < worth(b); });
        best.why += usable.size() == 1 ? ", the only one that can be used" : text({", the best of ", usable.size(), " that can be used"});
        return {best};
    }
    std::vector<verbs_choice> taken;
    while (!devices.empty()) {
        auto const entry = devices.substr(0, devices.find(','));
        devices.remove_prefix(std::min(entry.size() + 1, devices.size()));
        auto const colon = std::min(entry.find(':'), entry.size());
        auto const own = colon == entry.size() ? std::optional(port) : small_number(entry.substr(colon + 1), 255);
        if (colon == 0 || !own) misuse({"verbs: devices are NAME or NAME:PORT, separated by commas, or all, not '", entry, "'"});
        auto const chosen = std::find_if(usable.begin(), usable.end(), [&](verbs_choice const& c) {
            return all[c.port].device == entry.substr(0, colon) && (*own == 0 || all[c.port].number == *own);
        });
        if (chosen == usable.end()) {
            for (auto const& each : usable) append(refused, {"; ", all[each.port].device, ":", all[each.port].number, " could be used"});
            fail(text({"RDMA port ", entry, " cannot be used"}));
        }
        taken.push_back(*chosen);
        taken.back().why += ", as asked for";
    }
    return taken;
}

} // namespace chorus::detail
