#pragma once
/// The lower bound (bounds.hpp) of flows that come and go, on links whose health changes: an event costs what it touches.

#include <chorus/paths/bounds.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// Of whole flows. Clos fabrics only. Not thread-safe.
class live_bound {
public:
    /// Loads are in those units. The topology must outlive this. Cost: O(flows + links).
    live_bound(topology const& on, load_unit const& unit, std::span<flow const> phase) : on_(on), unit_(unit) { count(phase); }

    /// These are the flows that there are.
    void count(std::span<flow const> phase) {
        crossing_ = detail::all_crossings_of(on_, phase);
        bytes_ = phase.empty() ? 0 : phase.front().bytes;
        equal_ = std::all_of(phase.begin(), phase.end(), [&](flow const& f) { return f.bytes == bytes_; });
        must_count_ = false;
        everywhere_ = true;
    }
    /// Whether a largest flow of some cut has gone, so that only `count` knows the next one.
    bool must_count() const { return must_count_; }

    bool equal_flows() const { return equal_; }

    void add(flow const& f) {
        if (bytes_ == 0) bytes_ = f.bytes;
        everywhere_ = everywhere_ || (equal_ && f.bytes != bytes_); // whole flows count no more
        equal_ = equal_ && f.bytes == bytes_;
        detail::add_flow(on_, crossing_, f);
        touch(f);
    }
    void remove(flow const& f) {
        auto const bytes = static_cast<double>(f.bytes);
        detail::visit_crossings(on_, crossing_, f, [&](detail::crossing& each) {
            if (--each.flows == 0) {
                each = {};
                return;
            }
            each.bytes -= bytes;
            must_count_ = must_count_ || (!equal_ && bytes >= each.largest);
        });
        touch(f);
    }
    /// Its health has changed.
    void touch(link_id l) {
        auto const& c = *on_.clos();
        auto const cable = l / 2;
        auto const inwards = l % 2 == 1;
        if (cable < c.first_edge_cable()) touched_.push_back({tier::endpoint, cable % c.endpoints(), inwards});
        else if (cable < c.first_core_cable()) touched_.push_back({tier::edge, (cable - c.first_edge_cable()) / c.xs() % c.all_edges(), inwards});
        else if (cable < c.first_bus_cable())
            touched_.push_back({tier::aggregation, (cable - c.first_core_cable()) / (c.aggregations * c.ys()) % c.pods, inwards});
    }

    /// Precondition: !must_count(). Cost: O(what was touched), but O(links) where the cut that was the worst no longer is.
    lower_bound const& best() {
        if (everywhere_) return look_everywhere();
        for (auto const& each : touched_) {
            detail::bound_finder finder(on_, unit_, false, equal_);
            consider(finder, each);
            if (finder.best().load >= best_.load) best_ = finder.best(), worst_ = each;
            else if (each == worst_) return look_everywhere();
        }
        touched_.clear();
        return best_;
    }

private:
    struct place {
        tier level = tier::endpoint;
        std::uint32_t number = 0; ///< of the endpoint, edge switch or pod
        bool inwards = false;
        friend bool operator==(place const&, place const&) = default;
    };

    void touch(flow const& f) {
        auto const& c = *on_.clos();
        for (auto const inwards : {false, true}) {
            auto const e = inwards ? f.destination : f.source;
            touched_.push_back({tier::endpoint, e, inwards});
            touched_.push_back({tier::edge, c.edge_of(e), inwards});
            touched_.push_back({tier::aggregation, c.pod_of(e), inwards});
        }
    }
    void consider(detail::bound_finder& finder, place const& at) const {
        if (at.level == tier::endpoint) detail::consider_endpoint(finder, on_, crossing_, at.number, at.inwards);
        else if (at.level == tier::edge) detail::consider_edge(finder, on_, crossing_, at.number, at.inwards);
        else if (on_.clos()->three_tiers()) detail::consider_pod(finder, on_, crossing_, at.number, at.inwards);
    }
    lower_bound const& look_everywhere() {
        touched_.clear();
        everywhere_ = false;
        detail::bound_finder finder(on_, unit_, false, equal_);
        detail::consider_all(finder, on_, crossing_);
        best_ = finder.best();
        auto const& c = *on_.clos();
        auto const e = best_.where.inside;
        worst_ = {best_.where.level, best_.where.level == tier::endpoint ? e : best_.where.level == tier::edge ? c.edge_of(e) : c.pod_of(e),
                  best_.where.inwards};
        return best_;
    }

    topology const& on_;
    load_unit unit_;
    detail::all_crossings crossing_;
    std::uint64_t bytes_ = 0; ///< of each flow, where all are equal
    bool equal_ = true, must_count_ = false, everywhere_ = true;
    lower_bound best_;
    place worst_; ///< the cut that gives it
    std::vector<place> touched_;
};

} // namespace chorus
