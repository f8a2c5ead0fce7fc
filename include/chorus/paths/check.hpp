#pragma once
/// Checks a routing and its certificate from first principles: the cables of the topology, and nothing of what planned
/// or certified it. Slow and plain on purpose.

#include <chorus/network/routing.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace chorus {

/// What is claimed of a routing; see certificate.hpp.
struct claim {
    double max_load = 0, lower_bound = 0;
    bool split = false;
    endpoint_id inside = 0;      ///< the cut: what this endpoint reaches...
    tier level = tier::endpoint; ///< ...without leaving tiers up to this one
    bool inwards = false;
};

namespace detail {

class checker {
public:
    checker(topology const& on, std::span<flow const> phase, routing const& how) : on_(on), phase_(phase), how_(how) {
        for (auto const& f : phase) unit_ = std::max(unit_, static_cast<double>(f.bytes));
    }

    /// Empty when all is well.
    std::string check(claim const& said) {
        auto fault = paths();
        if (fault.empty()) fault = loads(said);
        if (fault.empty()) fault = bound(said);
        return fault;
    }

private:
    std::string paths() {
        carried_.assign(on_.links(), 0.0);
        lost_.assign(phase_.size(), false);
        std::vector<double> shares(phase_.size(), 0.0);
        hop_buffer buffer;
        for (std::size_t i = 0; i < how_.size(); ++i) {
            auto const& one = how_[i];
            if (one.flow >= phase_.size())
                return text({"sub-flow ", i, " is of flow ", one.flow, ", which does not exist"});
            lost_[one.flow] = lost_[one.flow] || one.route == unreachable;
            auto const fault = one.route == unreachable ? way_of(phase_[one.flow])
                                                        : path(phase_[one.flow], how_.hops(on_, phase_, i, buffer), one.share);
            if (!fault.empty()) return text({"sub-flow ", i, " (of flow ", one.flow, "): ", fault});
            shares[one.flow] += static_cast<double>(one.share);
        }
        for (std::size_t f = 0; f < shares.size(); ++f)
            if (std::abs(shares[f] - 1) > 1e-5)
                return text({"flow ", f, ": the shares of its sub-flows do not sum to 1"});
        return {};
    }

    std::string path(flow const& f, std::span<hop_id const> hops, float share) {
        auto at = f.source;
        std::vector<vertex_id> seen{at};
        for (auto const hop : hops) {
            if (!on_.is_link(hop)) return "is sprayed: there is no path to check";
            if (on_.from(hop) != at) return "link " + on_.link_name(hop) + " does not begin where it is";
            if (!on_.alive(hop)) return "link " + on_.link_name(hop) + " is dead";
            at = on_.to(hop);
            if (std::find(seen.begin(), seen.end(), at) != seen.end())
                return "comes to " + on_.vertex_name(at) + " twice";
            seen.push_back(at);
            carried_[hop] += static_cast<double>(share) * static_cast<double>(f.bytes);
        }
        return at == f.destination ? std::string{} : "ends at " + on_.vertex_name(at);
    }

    /// A way up and down again, where links form tiers and no two cables of them are parallel (routes take the same of those up and
    /// down): a fault of a flow that is said to have none.
    std::string way_of(flow const& f) const {
        auto const* const c = on_.clos();
        if (c == nullptr || c->edge_cables > 1 || c->core_cables > 1 || over_bus(f)) return {}; // a bus has no way around it
        std::vector<bool> seen(2 * on_.vertices(), false); // having gone up only, having gone down
        std::vector<std::vector<link_id>> out(on_.vertices());
        for (link_id l = 0; l < on_.links(); ++l)
            if (on_.alive(l)) out[on_.from(l)].push_back(l);
        std::vector<vertex_id> queue{2 * f.source};
        for (std::size_t i = 0; i < queue.size(); ++i) {
            auto const at = queue[i] / 2;
            if (at == f.destination) return "is said to have no path; there is one";
            for (auto const l : out[at]) {
                auto const to = on_.to(l);
                auto const falls = on_.layer_of(to).level < on_.layer_of(at).level;
                if (!falls && queue[i] % 2 == 1) continue;
                if (auto const next = 2 * to + (falls ? 1U : 0U); !seen[next]) seen[next] = true, queue.push_back(next);
            }
        }
        return {};
    }

    std::string loads(claim const& said) const {
        double worst = 0;
        for (link_id l = 0; l < on_.links(); ++l)
            if (carried_[l] > 0) worst = std::max(worst, carried_[l] / unit_ / relative_rate(l));
        if (std::abs(worst - said.max_load) <= 1e-6 * worst) return {};
        return "the maximum load is " + std::to_string(worst) + ", not " + std::to_string(said.max_load);
    }

    double relative_rate(link_id l) const { return on_.rate(l) / on_.nominal_rate(0); }

    /// The vertices of the cut: a flood that stays low.
    std::vector<bool> inside(claim const& said) const {
        std::vector<bool> in(on_.vertices(), false);
        in[said.inside] = true;
        std::vector<vertex_id> queue{said.inside};
        std::vector<std::vector<vertex_id>> beside(on_.vertices());
        for (auto const& each : on_.cables()) beside[each.a].push_back(each.b), beside[each.b].push_back(each.a);
        for (std::size_t i = 0; i < queue.size(); ++i)
            for (auto const v : beside[queue[i]]) {
                auto const level = on_.layer_of(v).level;
                if (in[v] || level == tier::bus || level > said.level) continue;
                in[v] = true;
                queue.push_back(v);
            }
        return in;
    }

    bool over_bus(flow const& f) const {
        auto const& layers = on_.layers();
        auto const bus = std::any_of(layers.begin(), layers.end(), [](layer const& l) { return l.level == tier::bus; });
        return bus && on_.host_of(f.source) == on_.host_of(f.destination);
    }

    std::string bound(claim const& said) const {
        auto const in = inside(said);
        std::vector<double> rates, sizes;
        for (link_id l = 0; l < on_.links(); ++l) {
            auto const from = on_.from(l), to = on_.to(l);
            if (on_.layer_of(from).level == tier::bus || on_.layer_of(to).level == tier::bus) continue;
            if (in[from] != in[to] && in[from] != said.inwards) rates.push_back(relative_rate(l));
        }
        for (std::size_t i = 0; i < phase_.size(); ++i) {
            auto const& f = phase_[i];
            if (!lost_[i] && in[f.source] != in[f.destination] && in[f.source] != said.inwards && !over_bus(f))
                sizes.push_back(static_cast<double>(f.bytes) / unit_);
        }
        auto const least = said.split ? fractional(sizes, rates) : integral(sizes, rates);
        if (said.lower_bound <= least * (1 + 1e-6)) return {};
        return "the cut proves a lower bound of " + std::to_string(least) + ", not " + std::to_string(said.lower_bound);
    }

    static double fractional(std::vector<double> const& sizes, std::vector<double> const& rates) {
        double bytes = 0, rate = 0;
        for (auto const s : sizes) bytes += s;
        for (auto const r : rates) rate += r;
        return bytes > 0 ? bytes / rate : 0;
    }

    /// The smallest load under which the links have room for that many flows as large as the smallest, by bisection.
    static double integral(std::vector<double> const& sizes, std::vector<double> const& rates) {
        if (sizes.empty()) return 0;
        auto const largest = *std::max_element(sizes.begin(), sizes.end());
        auto const smallest = *std::min_element(sizes.begin(), sizes.end());
        auto const fastest = *std::max_element(rates.begin(), rates.end());
        auto const room = [&](double load) {
            double flows = 0;
            for (auto const r : rates) flows += std::floor(load * r / smallest + 1e-9);
            return flows >= static_cast<double>(sizes.size());
        };
        double low = 0, high = static_cast<double>(sizes.size()) * largest / fastest;
        for (int i = 0; i < 60; ++i) (room((low + high) / 2) ? high : low) = (low + high) / 2;
        return std::max({fractional(sizes, rates), largest / fastest, high});
    }

    topology const& on_;
    std::span<flow const> phase_;
    routing const& how_;
    double unit_ = 1;
    std::vector<double> carried_; // bytes, by link
    std::vector<bool> lost_;      // flows without a path
};

} // namespace detail

/// Empty when every path leads over living links from source to destination, the shares of every flow sum to 1, the
/// maximum load is what is claimed, and the cut proves the bound that is claimed. Otherwise says what is wrong.
/// Sprayed flows are faults, and on Clos fabrics flows without a path that have one. Cost: O(sub-flows + links), and O(links) for each flow
/// without a path.
inline std::string check_routing(topology const& on, std::span<flow const> phase, routing const& how,
                                 claim const& said) {
    return detail::checker(on, phase, how).check(said);
}

} // namespace chorus
