#pragma once
/// How much every link carries under a routing.

#include <chorus/network/routing.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace chorus {

/// The load of a link, so that 1 is: one flow, as large as the largest of the phase, over an access link that is fine.
/// With equal flows on equal links it is the number of flows on the link.
struct load_unit {
    double bytes = 1;
    double rate = 1;

    load_unit(topology const& on, std::span<flow const> phase) : rate(on.nominal_rate(0)) {
        for (auto const& f : phase) bytes = std::max(bytes, static_cast<double>(f.bytes));
    }
    /// Of `sum` bytes over a link of that rate. A dead link that carries anything is infinitely loaded.
    double load(double sum, double link_rate) const {
        if (sum == 0) return 0;
        return link_rate > 0 ? sum / bytes / (link_rate / rate) : std::numeric_limits<double>::infinity();
    }
};

/// Bytes on every hop: links, then bundles.
inline std::vector<double> bytes_on_hops(topology const& on, std::span<flow const> phase, routing const& how) {
    std::vector<double> bytes(on.hops(), 0.0);
    hop_buffer buffer;
    for (std::size_t i = 0; i < how.size(); ++i) {
        auto const part = static_cast<double>(phase[how[i].flow].bytes) * static_cast<double>(how[i].share);
        for (auto const hop : how.hops(on, phase, i, buffer)) bytes[hop] += part;
    }
    return bytes;
}

/// Load of every link. What is sprayed over a bundle is spread over its links that are alive.
inline std::vector<double> link_loads(topology const& on, std::span<flow const> phase, routing const& how) {
    auto bytes = bytes_on_hops(on, phase, how);
    for (hop_id hop = on.links(); hop < on.hops(); ++hop) {
        if (bytes[hop] == 0) continue;
        auto const links = on.bundle(hop);
        double total = 0; // of what the shares are in proportion to
        auto const weight = [&](link_id l) {
            return how.how_spread == spreading::adaptive ? on.rate(l) : on.alive(l) ? 1.0 : 0.0;
        };
        for (std::uint32_t i = 0; i < links.size(); ++i) total += weight(links.link(i));
        for (std::uint32_t i = 0; i < links.size() && total > 0; ++i)
            bytes[links.link(i)] += bytes[hop] * weight(links.link(i)) / total;
    }
    bytes.resize(on.links());
    load_unit const unit(on, phase);
    for (link_id l = 0; l < on.links(); ++l) bytes[l] = unit.load(bytes[l], on.rate(l));
    return bytes;
}

inline double max_load(topology const& on, std::span<flow const> phase, routing const& how) {
    auto const loads = link_loads(on, phase, how);
    return loads.empty() ? 0.0 : *std::max_element(loads.begin(), loads.end());
}

} // namespace chorus
