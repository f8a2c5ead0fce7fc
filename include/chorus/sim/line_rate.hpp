#pragma once
/// What a phase would do on a network that is never in the way: only the endpoints hold it back, at line rate. That is
/// the 100 % of every utilisation that Chorus reports.

#include <chorus/network/flow.hpp>
#include <chorus/network/topology.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace chorus::sim {

/// Bytes per second that each endpoint sends at most, and receives at most, over the network and over the bus of its
/// super-node, at nominal rates. O(links).
class line_rates {
public:
    explicit line_rates(topology const& on) : topology_(&on), network_(on.endpoints()), bus_(on.endpoints()) {
        for (link_id l = 0; l < on.links(); ++l) {
            auto const from = on.from(l);
            if (from >= on.endpoints()) continue;
            (on.layer_of(on.to(l)).level == tier::bus ? bus_ : network_)[from] += on.nominal_rate(l);
        }
    }

    /// Whether two endpoints talk over a bus.
    bool over_bus(endpoint_id a, endpoint_id b) const { return bus_[a] > 0 && topology_->host_of(a) == topology_->host_of(b); }
    double of(endpoint_id e, bool bus) const { return bus ? bus_[e] : network_[e]; }

    /// Seconds until the busiest endpoint is through, sending or receiving.
    double ideal_time(std::span<flow const> phase) const {
        auto const seconds = sums(phase, [](flow const& f) { return static_cast<double>(f.bytes); });
        double most = 0;
        for (std::size_t i = 0; i < seconds.size(); ++i) {
            auto const rate = of(static_cast<endpoint_id>(i / 4), i % 2 == 1);
            if (seconds[i] > 0) most = std::max(most, seconds[i] / rate);
        }
        return most;
    }

    /// What each flow gets if endpoints share their line rate equally among their flows: the smaller of both ends.
    std::vector<double> unhindered(std::span<flow const> phase) const {
        auto const flows = sums(phase, [](flow const&) { return 1.0; });
        std::vector<double> rates(phase.size());
        for (std::size_t f = 0; f < phase.size(); ++f) {
            auto const [s, d] = slots(phase[f]);
            auto const bus = s % 2 == 1;
            rates[f] = std::min(of(phase[f].source, bus) / flows[s], of(phase[f].destination, bus) / flows[d]);
        }
        return rates;
    }

    /// Some endpoint receives from several others.
    bool senders_meet(std::span<flow const> phase) const {
        std::vector<std::int64_t> sender(2 * network_.size(), -1);
        return std::any_of(phase.begin(), phase.end(), [&](flow const& f) {
            if (f.source == f.destination) return false;
            auto& first = sender[2 * std::size_t{f.destination} + (over_bus(f.source, f.destination) ? 1 : 0)];
            auto const met = first >= 0 && first != std::int64_t{f.source};
            first = f.source;
            return met;
        });
    }

private:
    /// Where a flow counts: endpoint x {sends, receives} x {network, bus}.
    std::pair<std::size_t, std::size_t> slots(flow const& f) const {
        std::size_t const bus = over_bus(f.source, f.destination) ? 1 : 0;
        return {4 * std::size_t{f.source} + bus, 4 * std::size_t{f.destination} + 2 + bus};
    }
    template <class Amount>
    std::vector<double> sums(std::span<flow const> phase, Amount amount) const {
        std::vector<double> sum(4 * network_.size());
        for (auto const& f : phase) {
            if (f.source == f.destination) continue;
            auto const [s, d] = slots(f);
            sum[s] += amount(f);
            sum[d] += amount(f);
        }
        return sum;
    }

    topology const* topology_;
    std::vector<double> network_, bus_;
};

} // namespace chorus::sim
