#pragma once
/// Max-min fair rates of flows over shared links, kept up to date while flows come and go.

#include <chorus/core/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
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
    explicit max_min(std::vector<double> const& capacities) : links_(capacities.size()) {
        for (std::size_t i = 0; i < capacities.size(); ++i) links_[i].capacity = checked(capacities[i]);
    }

    /// Makes room for that many flows and that many links of theirs in all: growing step by step touches twice the pages.
    void reserve(std::size_t flows, std::size_t links) {
        flows_.reserve(flows);
        entries_.reserve(links);
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
        for (auto e = at(link).first; e >= 0; e = entry(e).next) sum += entry(e).weight * of(entry(e).flow).rate;
        return sum;
    }

    /// Calls visit(link, weight) for the links of a flow.
    void visit_links(std::int32_t flow, auto const& visit) const {
        for (auto e = of(flow).first; e < of(flow).first + of(flow).count; ++e) visit(entry(e).link, entry(e).weight);
    }

    /// A flow over these links, each named once, with a weight on each (none given: 1). Returns its number, that of a
    /// removed flow where there is one of as many links. Its rate is 0 until `update`. Throws usage_error where there
    /// is no link, or a weight that is not positive.
    std::int32_t add(std::span<std::uint32_t const> links, std::span<double const> weights = {}) {
        if (links.empty()) detail::misuse({"a flow of the simulation needs a link"});
        if (!weights.empty() && weights.size() != links.size()) detail::misuse({"a weight is needed for each of ", links.size(), " links"});
        auto const number = slot(links.size());
        auto& flow = of(number);
        flow.alive = true;
        for (std::size_t i = 0; i < links.size(); ++i) {
            auto const weight = weights.empty() ? 1.0 : weights[i];
            if (links[i] >= links_.size()) detail::misuse({"no link ", links[i]});
            if (!(weight > 0)) detail::misuse({"the weight of a flow on link ", links[i], " is not positive"});
            attach(flow.first + static_cast<std::int32_t>(i), links[i], number, weight);
        }
        join(number);
        flow.old_rate = 0;
        ++alive_;
        return number;
    }

    void remove(std::int32_t number) {
        auto& flow = of(number);
        for (auto e = flow.first; e < flow.first + flow.count; ++e) detach(e);
        flow.alive = false;
        flow.rate = 0;
        flow.bottleneck = none;
        free_[flow.count].push_back(number);
        --alive_;
    }

    void set_capacity(std::uint32_t link, double capacity) {
        at(link).capacity = checked(capacity);
        for (auto e = at(link).first; e >= 0; e = entry(e).next) join(entry(e).flow);
    }

    /// Brings all rates up to date. Returns the flows whose rate has changed, valid until the next call.
    std::span<std::int32_t const> update() {
        for (auto const link : loosened_)
            for (auto e = at(link).first; e >= 0; e = entry(e).next)
                if (of(entry(e).flow).bottleneck == link) join(entry(e).flow);
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
    static constexpr std::uint32_t none = UINT32_MAX;

    struct link_state {
        double capacity = 0;
        double left = 0;          ///< while filling: what the frozen flows leave
        double open_weight = 0;   ///< while filling: of the members that are not frozen yet
        std::int32_t open = 0;    ///< how many they are
        std::int32_t first = -1;  ///< the list of its entries
        std::uint32_t round = 0;  ///< the filling that touched it last
    };
    struct flow_state {
        double rate = 0, old_rate = 0;
        std::int32_t first = 0, count = 0; ///< its entries
        std::uint32_t bottleneck = none;
        std::uint32_t frozen = 0; ///< the filling that has frozen it last
        bool member = false;      ///< of what is filled next
        bool alive = false;
    };
    /// A flow on a link: a node of the link's list.
    struct entry_state {
        double weight = 1;
        std::uint32_t link = 0;
        std::int32_t flow = -1, next = -1, previous = -1;
    };

    static double checked(double capacity) {
        if (!(capacity >= 0) || capacity == std::numeric_limits<double>::infinity())
            throw usage_error("chorus: a link's capacity must be finite and not negative, not " + std::to_string(capacity));
        return capacity;
    }
    link_state& at(std::uint32_t link) { return links_[link]; }
    link_state const& at(std::uint32_t link) const { return links_[link]; }
    flow_state& of(std::int32_t flow) { return flows_[static_cast<std::size_t>(flow)]; }
    flow_state const& of(std::int32_t flow) const { return flows_[static_cast<std::size_t>(flow)]; }
    entry_state& entry(std::int32_t e) { return entries_[static_cast<std::size_t>(e)]; }
    entry_state const& entry(std::int32_t e) const { return entries_[static_cast<std::size_t>(e)]; }

    std::int32_t slot(std::size_t count) {
        auto& free = free_[static_cast<std::int32_t>(count)];
        if (!free.empty()) {
            auto const number = free.back();
            free.pop_back();
            return number;
        }
        flow_state fresh;
        fresh.first = static_cast<std::int32_t>(entries_.size());
        fresh.count = static_cast<std::int32_t>(count);
        entries_.resize(entries_.size() + count);
        flows_.push_back(fresh);
        return static_cast<std::int32_t>(flows_.size()) - 1;
    }
    void attach(std::int32_t e, std::uint32_t link, std::int32_t flow, double weight) {
        auto& head = at(link).first;
        entry(e) = {weight, link, flow, head, -1};
        if (head >= 0) entry(head).previous = e;
        head = e;
    }
    void detach(std::int32_t e) {
        auto const& gone = entry(e);
        if (gone.next >= 0) entry(gone.next).previous = gone.previous;
        (gone.previous >= 0 ? entry(gone.previous).next : at(gone.link).first) = gone.next;
        loosened_.push_back(gone.link);
    }
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
        touched_.clear();
        for (auto const f : members_)
            for (auto e = of(f).first; e < of(f).first + of(f).count; ++e) open(entry(e));
        queue_.clear();
        for (auto const link : touched_) {
            auto& l = at(link);
            for (auto e = everyone() ? -1 : l.first; e >= 0; e = entry(e).next)
                if (auto const& flow = of(entry(e).flow); !flow.member) l.left -= entry(e).weight * flow.rate;
            if (l.open > 1) queue_.emplace_back(level(l), link);
        }
        for (auto const f : members_)
            if (auto const own = tightest_of_its_own(of(f)); own.second != none) queue_.push_back(own);
        std::make_heap(queue_.begin(), queue_.end(), std::greater<>{});
        for (unfrozen_ = members_.size(); unfrozen_ > 0 && !queue_.empty();) { // most links hold nobody back: they stay in it
            std::pop_heap(queue_.begin(), queue_.end(), std::greater<>{});
            auto [share, link] = queue_.back();
            queue_.pop_back();
            if (at(link).open == 0) continue;
            // A link's level only rises while others freeze: what is in the queue may be out of date, but never too high.
            if (auto const now = level(at(link)); now > share * (1 + 1e-12) && !queue_.empty() && now > queue_.front().first) {
                queue_.emplace_back(now, link);
                std::push_heap(queue_.begin(), queue_.end(), std::greater<>{});
            } else {
                freeze(link, now);
            }
        }
    }
    void open(entry_state const& e) {
        auto& l = at(e.link);
        if (l.round != round_) {
            l.round = round_;
            l.left = l.capacity;
            l.open = 0, l.open_weight = 0;
            touched_.push_back(e.link);
        }
        ++l.open, l.open_weight += e.weight;
    }
    /// Of the links that no other member uses: their levels stay as they are, and only the lowest can hold the flow back.
    std::pair<double, std::uint32_t> tightest_of_its_own(flow_state const& flow) const {
        std::pair lowest(std::numeric_limits<double>::infinity(), none);
        for (auto e = flow.first; e < flow.first + flow.count; ++e)
            if (auto const& l = at(entry(e).link); l.open == 1) lowest = std::min(lowest, std::pair(level(l), entry(e).link));
        return lowest;
    }
    static double level(link_state const& l) { return std::max(l.left, 0.0) / l.open_weight; }

    /// The link is full: all its open members stay at this rate.
    void freeze(std::uint32_t link, double share) {
        for (auto e = at(link).first; e >= 0; e = entry(e).next) {
            auto& flow = of(entry(e).flow);
            if (!flow.member || flow.frozen == round_) continue;
            flow.frozen = round_;
            --unfrozen_;
            flow.rate = share;
            flow.bottleneck = link;
            for (auto k = flow.first; k < flow.first + flow.count; ++k) {
                auto& l = at(entry(k).link);
                l.left -= entry(k).weight * share;
                --l.open, l.open_weight -= entry(k).weight;
            }
        }
    }

    /// Lets those join who have lost their bottleneck on this link, or are faster than a member that is held back by it.
    void invite(std::uint32_t link) {
        auto const& l = at(link);
        double fastest = 0, used = 0, held_back = std::numeric_limits<double>::infinity();
        for (auto e = l.first; e >= 0; e = entry(e).next) {
            auto const& flow = of(entry(e).flow);
            fastest = std::max(fastest, flow.rate);
            used += entry(e).weight * flow.rate;
            if (flow.member && flow.bottleneck == link) held_back = flow.rate;
        }
        auto const full = used >= l.capacity * (1 - tolerance);
        for (auto e = l.first; e >= 0; e = entry(e).next) {
            auto const& flow = of(entry(e).flow);
            if (flow.member) continue;
            auto const lost = flow.bottleneck == link && (!full || flow.rate < fastest * (1 - tolerance));
            if (lost || flow.rate > held_back * (1 + tolerance)) join(entry(e).flow);
        }
    }

    std::vector<link_state> links_;
    std::vector<flow_state> flows_;
    std::vector<entry_state> entries_;
    std::map<std::int32_t, std::vector<std::int32_t>> free_; ///< numbers of removed flows, by their number of links
    std::size_t alive_ = 0, unfrozen_ = 0;
    std::uint32_t round_ = 0;
    std::vector<std::int32_t> members_;  ///< the flows that are filled
    std::vector<std::uint32_t> touched_;  ///< the links that members use
    std::vector<std::uint32_t> loosened_; ///< links that flows have left since the last update
    std::vector<std::int32_t> changed_;
    std::vector<std::pair<double, std::uint32_t>> queue_; ///< links by level, the lowest first
};

} // namespace chorus::sim
