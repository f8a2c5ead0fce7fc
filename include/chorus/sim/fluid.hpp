#pragma once
/// Flows that transfer bytes at max-min fair rates: a clock, and what happens when.

#include <chorus/core/errors.hpp>
#include <chorus/sim/max_min.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <utility>
#include <vector>

namespace chorus::sim {

inline constexpr double never = std::numeric_limits<double>::infinity();

/// The event loop of a fluid simulation. Between two events all rates are constant; an event (a flow begins or ends, a
/// link changes) recomputes only the rates that it changes.
///
///   time       seconds, from 0; bytes and bytes per second
///   exact      events closer than 1e-12 of the clock are one event
///   cost       O(log n) for each flow whose rate an event changes, besides max_min::update
class fluid {
public:
    explicit fluid(std::vector<double> const& capacities) : rates_(capacities) {}

    /// See max_min::reserve.
    void reserve(std::size_t flows, std::size_t links) {
        rates_.reserve(flows, links);
        transfers_.reserve(flows);
    }

    double now() const { return now_; }
    max_min const& rates() const { return rates_; }
    std::size_t active() const { return rates_.flows(); }
    /// How many times rates were brought up to date.
    std::uint64_t events() const { return events_; }

    /// Called as carried(link, begin, end, rate) with every stretch of time in which the rate of a flow on a link was constant, when it is over.
    using carried_by = std::function<void(std::uint32_t, double, double, double)>;
    void watch(carried_by carried) { carried_ = std::move(carried); }
    /// Tells all stretches up to now, for one who is about to see links in another way.
    void tell_all() {
        for (std::size_t flow = 0; flow < rates_.bound(); ++flow)
            if (running(static_cast<std::int32_t>(flow))) tell(static_cast<std::int32_t>(flow));
    }

    /// Begins a flow now. Returns its number, which is free for others once the flow has ended. Preconditions: those of
    /// max_min::add; throws usage_error for bytes that are negative or not finite. A flow of 0 bytes ends at once.
    std::int32_t start(std::span<std::uint32_t const> links, std::span<double const> weights, double bytes) {
        if (!(bytes >= 0) || std::isinf(bytes)) throw usage_error("chorus: a flow cannot have " + std::to_string(bytes) + " bytes");
        auto const flow = rates_.add(links, weights);
        auto const slot = static_cast<std::size_t>(flow);
        if (slot >= transfers_.size()) transfers_.resize(slot + 1);
        auto& fresh = transfers_[slot];
        fresh = {bytes, now_, 0, now_, fresh.version + 1};
        if (bytes == 0) ends_.push({now_, flow, fresh.version});
        stale_ = true;
        return flow;
    }

    /// Has begun and not ended. Numbers of ended flows may be those of others by now.
    bool running(std::int32_t flow) const { return rates_.holds(flow); }
    /// Bytes that a running flow has yet to transfer.
    double left(std::int32_t flow) const {
        auto const& t = transfers_[static_cast<std::size_t>(flow)];
        return std::max(0.0, t.left - t.rate * (now_ - t.since));
    }

    /// Ends a flow that is not finished.
    void stop(std::int32_t flow) {
        ++transfers_[static_cast<std::size_t>(flow)].version;
        tell(flow);
        rates_.remove(flow);
        stale_ = true;
    }

    void set_capacity(std::uint32_t link, double bytes_per_second) {
        rates_.set_capacity(link, bytes_per_second);
        stale_ = true;
    }

    /// When the next flow ends if nothing else happens; `never` where none does (no flow, or all are stuck).
    double next() {
        refresh();
        while (!ends_.empty() && outdated(ends_.top())) ends_.pop();
        return ends_.empty() ? never : ends_.top().time;
    }

    /// Moves the clock to `time`. Flows that end by then, at `next()`, are passed to `ended(flow)`. Precondition: now() <= time
    /// <= next(). `ended` may start and stop flows.
    template <class Ended>
    void advance(double time, Ended ended) {
        refresh();
        now_ = std::max(now_, time);
        finished_.clear();
        while (!ends_.empty() && (outdated(ends_.top()) || ends_.top().time <= now_ * (1 + 1e-12))) {
            if (auto const first = ends_.top(); !outdated(first)) {
                finished_.push_back(first.flow);
                ++transfers_[static_cast<std::size_t>(first.flow)].version;
            }
            ends_.pop();
        }
        for (auto const flow : finished_) {
            tell(flow);
            rates_.remove(flow);
        }
        stale_ = stale_ || !finished_.empty();
        for (std::size_t i = 0; i < finished_.size(); ++i) ended(finished_[i]);
    }

private:
    struct transfer {
        double left = 0;  ///< bytes at time `since`
        double since = 0;
        double rate = 0;
        double told = 0;           ///< until when `carried` knows of it
        std::uint32_t version = 0; ///< ends in the queue that are of another are outdated
    };
    struct end {
        double time;
        std::int32_t flow;
        std::uint32_t version;
        friend bool operator<(end const& a, end const& b) { return a.time != b.time ? a.time > b.time : a.flow > b.flow; }
    };

    bool outdated(end const& e) const { return transfers_[static_cast<std::size_t>(e.flow)].version != e.version; }

    void tell(std::int32_t flow) {
        if (!carried_) return;
        auto& t = transfers_[static_cast<std::size_t>(flow)];
        auto const begin = std::max(t.since, t.told);
        t.told = now_;
        if (t.rate > 0 && begin < now_)
            rates_.visit_links(flow, [&](std::uint32_t link, double weight) { carried_(link, begin, now_, t.rate * weight); });
    }
    void refresh() {
        if (!stale_) return;
        stale_ = false;
        ++events_;
        for (auto const flow : rates_.update()) {
            auto& t = transfers_[static_cast<std::size_t>(flow)];
            tell(flow);
            t.left = std::max(0.0, t.left - t.rate * (now_ - t.since));
            t.since = now_;
            t.rate = rates_.rate(flow);
            ++t.version;
            if (t.rate > 0) ends_.push({now_ + t.left / t.rate, flow, t.version});
        }
    }

    max_min rates_;
    std::vector<transfer> transfers_; ///< by flow
    std::priority_queue<end> ends_;
    std::vector<std::int32_t> finished_;
    carried_by carried_;
    double now_ = 0;
    std::uint64_t events_ = 0;
    bool stale_ = false;
};

} // namespace chorus::sim
