#pragma once
/// Who talks to whom over all phases: a *connection* is a source, a destination and a tag, whatever phases it is used in.

#include <chorus/network/flow.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

namespace chorus {

class connections {
public:
    static constexpr std::uint32_t none = 0xFFFF'FFFFU;

    /// A connection in a phase, and its part of the phase's largest flow.
    struct use {
        std::uint32_t connection = 0;
        float weight = 1;
    };

    explicit connections(std::span<strand const> all) {
        for (auto const& each : all)
            for (auto const& phase : each.phases)
                for (auto const& f : phase) flows_.push_back({f.source, f.destination, 1, f.tag});
        std::sort(flows_.begin(), flows_.end(), [](flow const& a, flow const& b) { return key(a) < key(b); });
        flows_.erase(std::unique(flows_.begin(), flows_.end()), flows_.end());
        flows_.shrink_to_fit();
    }

    /// In order of source, destination, tag; of one byte each.
    std::span<flow const> flows() const { return flows_; }
    std::size_t size() const { return flows_.size(); }

    /// The number of the flow's connection, or none.
    std::uint32_t find(flow const& f) const {
        auto const at = std::lower_bound(flows_.begin(), flows_.end(), f,
                                         [](flow const& a, flow const& b) { return key(a) < key(b); });
        return at != flows_.end() && key(*at) == key(f) ? static_cast<std::uint32_t>(at - flows_.begin()) : none;
    }

    std::vector<use> uses(std::span<flow const> phase) const {
        std::uint64_t largest = 1;
        for (auto const& f : phase) largest = std::max(largest, f.bytes);
        std::vector<use> all;
        all.reserve(phase.size());
        for (auto const& f : phase)
            all.push_back({find(f), static_cast<float>(static_cast<double>(f.bytes) / static_cast<double>(largest))});
        return all;
    }

private:
    static std::tuple<endpoint_id, endpoint_id, std::uint32_t> key(flow const& f) {
        return {f.source, f.destination, f.tag};
    }

    std::vector<flow> flows_;
};

} // namespace chorus
