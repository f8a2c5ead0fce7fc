#pragma once
/// Max-min fair rates of flows over shared links, kept up to date while flows come and go.

#include <chorus/core/errors.hpp>
#include <chorus/sim/incidence.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace chorus::sim {

/// The max-min fair allocation: no flow's rate can be raised without lowering that of a flow that has no more. It is the
/// only one that is feasible and gives every flow a *bottleneck*: a full link on which no flow is faster. Bertsekas,
/// Gallager, Data Networks, 2nd edition, 1992, section 6.5.2.
///
/// That characterisation is what makes a change local. `update` starts from the flows that lost their bottleneck, fills
/// them up with all others held fixed, and looks at the links it has touched: whoever has no bottleneck any more joins,
/// and it fills again, until nobody is left without. What a change does not reach is neither read nor written.
///
///   flow       at rate x it takes weight * x of each of its links (1, or the share of a flow that is spread out)
///   units      whatever the capacities are in, say bytes per second
///   exact      to about 1e-9 of a rate; the order of calls decides all ties, so results repeat bit by bit
///   cost       add, remove: O(links of the flow). update: O(n log n) in the links of the flows that it touches, times
///              the number of rounds of joining (few: effects move towards ever faster flows)
class max_min {
public:
    /// Capacities must be finite and not negative; flows over a link of capacity 0 have rate 0.
    explicit max_min(std::vector<double> const& capacities) : uses_(capacities.size()), links_(capacities.size()) {
        for (std::size_t i = 0; i < capacities.size(); ++i) links_[i].capacity = checked(capacities[i]);
    }

    /// See incidence::reserve.
    void reserve(std::size_t flows, std::size_t links) {
        flows_.reserve(flows);
        uses_.reserve(flows, links);
    }

    std::size_t links() const { return links_.size(); }
    /// How many flows there are now.
    std::size_t flows() const { return alive_; }
    /// All flows' numbers are below.
    std::size_t bound() const { return flows_.size(); }
    /// Whether there is a flow of that number now.
    bool holds(std::int32_t flow) const { return of(flow).alive; }
    double capacity(std::uint32_t link) const { return at(link).capacity; }
    double rate(std::int32_t flow) const { return of(flow).rate; }
    /// The full link that holds the flow back.
    std::uint32_t bottleneck(std::int32_t flow) const { return of(flow).bottleneck; }

    /// What its flows take of a link. O(flows on it).
    double load(std::uint32_t link) const {
        double sum = 0;
        uses_.flows_on(link, [&](std::int32_t flow, double weight) { sum += weight * rate(flow); });
        return sum;
    }

    /// Calls visit(link, weight) for the links of a flow.
    void visit_links(std::int32_t flow, auto const& visit) const { uses_.links_of(flow, visit); }

    /// A flow over these links, with these weights: see incidence::add. Its rate is 0 until `update`.
    std::int32_t add(std::span<std::uint32_t const> links, std::span<double const> weights = {}) {
        auto const number = uses_.add(links, weights);
        flows_.resize(uses_.bound());
        of(number).alive = true;
        join(number);
        of(number).old_rate = 0;
        ++alive_;
        return number;
    }

    void remove(std::int32_t number) {
        uses_.remove(number, [&](std::uint32_t link) { loosened_.push_back(link); });
        auto& flow = of(number);
        flow.alive = false;
        flow.rate = 0;
        flow.bottleneck = none;
        --alive_;
    }

    void set_capacity(std::uint32_t link, double capacity) {
        at(link).capacity = checked(capacity);
        uses_.flows_on(link, [&](std::int32_t flow, double) { join(flow); });
    }

    /// Brings all rates up to date. Returns the flows whose rate has changed, valid until the next call.
    std::span<std::int32_t const> update() {
        for (auto const link : loosened_)
            uses_.flows_on(link, [&](std::int32_t flow, double) {
                if (bottleneck(flow) == link) join(flow);
            });
        loosened_.clear();
        std::erase_if(members_, [&](std::int32_t f) { return !of(f).alive && !(of(f).member = false); });
        for (auto before = members_.size() + 1; before != members_.size();) {
            before = members_.size();
            fill();
            if (!everyone())
                for (std::size_t i = 0; i < touched_.size(); ++i) invite(touched_[i]);
        }
        changed_.clear();
        for (auto const f : members_) {
            auto& flow = of(f);
            flow.member = false;
            if (flow.rate != flow.old_rate) changed_.push_back(f);
        }
        members_.clear();
        return changed_;
    }

private:
    static constexpr double tolerance = 1e-9;
    static constexpr double forever = std::numeric_limits<double>::infinity();
    static constexpr std::uint32_t none = UINT32_MAX;

    struct link_state {
        double capacity = 0;
        double left = 0;          ///< while filling: what the frozen flows leave
        double open_weight = 0;   ///< while filling: of the members that are not frozen yet
        std::int32_t open = -1;   ///< how many they are; -1 where this filling has not touched the link
    };
    struct flow_state {
        double rate = 0, old_rate = 0;
        std::uint32_t bottleneck = none;
        std::uint32_t frozen = 0; ///< the filling that has frozen it last
        bool member = false;      ///< of what is filled next
        bool alive = false;
    };
    static double checked(double capacity) {
        if (!(capacity >= 0) || capacity == forever)
            throw usage_error("chorus: a link's capacity must be finite and not negative, not " + std::to_string(capacity));
        return capacity;
    }
    link_state& at(std::uint32_t link) { return links_[link]; }
    link_state const& at(std::uint32_t link) const { return links_[link]; }
    flow_state& of(std::int32_t flow) { return flows_[static_cast<std::size_t>(flow)]; }
    flow_state const& of(std::int32_t flow) const { return flows_[static_cast<std::size_t>(flow)]; }
    /// No flow is held fixed.
    bool everyone() const { return members_.size() == alive_; }
    void join(std::int32_t f) {
        auto& flow = of(f);
        if (flow.member) return;
        flow.member = true;
        flow.old_rate = flow.rate;
        members_.push_back(f);
    }

    /// Max-min fair rates of the members on what all others leave of their links.
    void fill() {
        ++round_;
        for (auto const link : touched_) at(link).open = -1;
        touched_.clear();
        for (auto const f : members_)
            uses_.links_of(f, [&](std::uint32_t link, double weight) { open(link, weight); });
        queue_.clear();
        for (auto const link : touched_) {
            auto& l = at(link);
            if (!everyone())
                uses_.flows_on(link, [&](std::int32_t f, double weight) {
                    if (!of(f).member) l.left -= weight * rate(f);
                });
            if (l.open > 1) queue_.emplace_back(level(l), link);
        }
        auto lowest = forever; // of what only one member uses: when its turn comes, most are frozen and need not be sorted
        for (auto const f : members_) lowest = std::min(lowest, tightest_of_its_own(f).first);
        std::make_heap(queue_.begin(), queue_.end(), std::greater<>{});
        // Most links hold nobody back: they stay in the queue.
        for (unfrozen_ = members_.size(); unfrozen_ > 0 && std::min(lowest, lowest_queued()) < forever;) {
            if (lowest_queued() >= lowest) {
                for (auto const f : members_)
                    if (auto const own = tightest_of_its_own(f); of(f).frozen != round_ && own.second != none) queue_.push_back(own);
                std::make_heap(queue_.begin(), queue_.end(), std::greater<>{});
                lowest = forever;
            }
            std::pop_heap(queue_.begin(), queue_.end(), std::greater<>{});
            auto [share, link] = queue_.back();
            queue_.pop_back();
            if (at(link).open == 0) continue;
            // A link's level only rises while others freeze: what is in the queue may be out of date, but never too high.
            if (auto const now = level(at(link)); now > share * (1 + 1e-12) && now > std::min(lowest, lowest_queued())) {
                queue_.emplace_back(now, link);
                std::push_heap(queue_.begin(), queue_.end(), std::greater<>{});
            } else {
                freeze(link, now);
            }
        }
    }
    double lowest_queued() const { return queue_.empty() ? forever : queue_.front().first; }
    void open(std::uint32_t link, double weight) {
        auto& l = at(link);
        if (l.open < 0) {
            l.left = l.capacity;
            l.open = 0, l.open_weight = 0;
            touched_.push_back(link);
        }
        ++l.open, l.open_weight += weight;
    }
    /// Of the links that no other member uses: their levels stay as they are, and only the lowest can hold the flow back.
    std::pair<double, std::uint32_t> tightest_of_its_own(std::int32_t flow) const {
        std::pair lowest(forever, none);
        uses_.links_of(flow, [&](std::uint32_t link, double) {
            if (at(link).open == 1) lowest = std::min(lowest, std::pair(level(at(link)), link));
        });
        return lowest;
    }
    static double level(link_state const& l) { return std::max(l.left, 0.0) / l.open_weight; }

    /// The link is full: all its open members stay at this rate.
    void freeze(std::uint32_t full, double share) {
        uses_.flows_on(full, [&](std::int32_t f, double) {
            auto& flow = of(f);
            if (!flow.member || flow.frozen == round_) return;
            flow.frozen = round_;
            --unfrozen_;
            flow.rate = share;
            flow.bottleneck = full;
            uses_.links_of(f, [&](std::uint32_t link, double weight) {
                auto& l = at(link);
                l.left -= weight * share;
                --l.open, l.open_weight -= weight;
            });
        });
    }

    /// Lets those join who have lost their bottleneck on this link, or are faster than a member that is held back by it.
    void invite(std::uint32_t link) {
        double fastest = 0, used = 0, held_back = forever;
        uses_.flows_on(link, [&](std::int32_t f, double weight) {
            auto const& flow = of(f);
            fastest = std::max(fastest, flow.rate);
            used += weight * flow.rate;
            if (flow.member && flow.bottleneck == link) held_back = flow.rate;
        });
        auto const full = used >= capacity(link) * (1 - tolerance);
        uses_.flows_on(link, [&](std::int32_t f, double) {
            auto const& flow = of(f);
            if (flow.member) return;
            auto const lost = flow.bottleneck == link && (!full || flow.rate < fastest * (1 - tolerance));
            if (lost || flow.rate > held_back * (1 + tolerance)) join(f);
        });
    }

    incidence uses_;
    std::vector<link_state> links_;
    std::vector<flow_state> flows_;
    std::size_t alive_ = 0, unfrozen_ = 0;
    std::uint32_t round_ = 0;
    std::vector<std::int32_t> members_;  ///< the flows that are filled
    std::vector<std::uint32_t> touched_;  ///< the links that members use
    std::vector<std::uint32_t> loosened_; ///< links that flows have left since the last update
    std::vector<std::int32_t> changed_;
    std::vector<std::pair<double, std::uint32_t>> queue_; ///< links by level, the lowest first
};

} // namespace chorus::sim
