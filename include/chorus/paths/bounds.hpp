#pragma once
/// What no routing can do better than: flows that must cross a cut need room on its links.
///
///   fractional  bytes that cross / what the links of the cut carry together
///   integral    the same when no flow is split: n equal flows on m equal links leave ceil(n / m) on one of them
///
/// Cuts are around every endpoint, around every edge switch with its endpoints, around every pod, out of and into each.

#include <chorus/paths/loads.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <queue>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// A set of vertices: all that one reaches from an endpoint without leaving tiers up to `level` (buses aside).
struct cut {
    endpoint_id inside = 0;
    tier level = tier::endpoint; ///< endpoint, edge or aggregation
    bool inwards = false;        ///< flows into the set, or out of it

    friend bool operator==(cut const&, cut const&) = default;
};

/// A lower bound of the maximum load (in load_units), and the cut that proves it.
struct lower_bound {
    double load = 0;
    cut where;
};

namespace detail {

/// n flows of load 1 on links that are `rates` times as fast as the unit: the smallest maximum load, each flow on one.
inline double spread_whole(std::uint64_t n, std::span<double const> rates) {
    double sum = 0;
    for (auto const r : rates) sum += r;
    if (n == 0) return 0;
    if (sum == 0) return std::numeric_limits<double>::infinity();
    // Whole flows up to the fractional level never make a link the worst; the few that are left go where they hurt
    // least.
    auto const level = static_cast<double>(n) / sum;
    std::priority_queue<std::pair<double, std::size_t>, std::vector<std::pair<double, std::size_t>>, std::greater<>>
        next;
    std::vector<double> have(rates.size());
    std::uint64_t placed = 0;
    for (std::size_t i = 0; i < rates.size(); ++i) {
        have[i] = std::floor(level * rates[i] * (1 + 1e-12));
        placed += static_cast<std::uint64_t>(have[i]);
        if (rates[i] > 0) next.push({(have[i] + 1) / rates[i], i});
    }
    auto worst = level;
    for (; placed < n; ++placed) {
        auto const [load, i] = next.top();
        next.pop();
        worst = std::max(worst, load);
        have[i] += 1;
        next.push({(have[i] + 1) / rates[i], i});
    }
    return worst;
}

/// The flows that cross a cut.
struct crossing {
    std::uint64_t flows = 0;
    double bytes = 0, largest = 0;
};

class bound_finder {
public:
    /// `equal`: are all flows equal? Only then whole ones are counted.
    bound_finder(topology const& on, load_unit const& unit, bool split, bool equal)
        : on_(on),
          unit_(unit),
          split_(split),
          equal_(equal) {}

    /// `links(add)` calls add(link) for all links of the cut.
    template <class Links>
    void consider(crossing const& what, cut const& where, Links&& links) {
        if (what.flows == 0) return;
        rates_.clear();
        double sum = 0, fastest = 0;
        links([&](link_id l) {
            rates_.push_back(on_.rate(l) / unit_.rate);
            sum += rates_.back();
            fastest = std::max(fastest, rates_.back());
        });
        auto load = what.bytes / unit_.bytes / sum;
        if (load <= best_.load && (split_ || fastest == sum)) return;
        auto const largest = what.largest / unit_.bytes;
        if (!split_) load = std::max(load, largest / fastest);
        if (!split_ && equal_) load = std::max(load, largest * whole(what.flows, sum));
        if (load > best_.load) best_ = {load, where};
    }

    lower_bound const& best() const { return best_; }

private:
    /// spread_whole, at once where all rates are equal or the result could not be the best.
    double whole(std::uint64_t n, double sum) const {
        auto const uniform = std::all_of(rates_.begin(), rates_.end(), [&](double r) { return r == rates_.front(); });
        auto const m = static_cast<double>(rates_.size());
        if (uniform) return std::ceil(static_cast<double>(n) / m) / (sum / m);
        return spread_whole(n, rates_);
    }

    topology const& on_;
    load_unit unit_;
    bool split_, equal_;
    std::vector<double> rates_;
    lower_bound best_;
};

} // namespace detail

/// The best bound over all cuts, in units of these flows' load or of a larger phase's. `split`: may flows be split over
/// paths? Precondition: every flow has a living path (reachable_flows). Cost: O(flows + links).
inline lower_bound find_lower_bound(topology const& on, std::span<flow const> phase, bool split);
inline lower_bound find_lower_bound(topology const& on, std::span<flow const> phase, bool split, load_unit const& unit);

} // namespace chorus

#include <chorus/paths/cuts.hpp> // IWYU pragma: export
