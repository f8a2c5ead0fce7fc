#pragma once
/// Which flows are on every link of a Clos fabric: what re-planning works on.
///
/// A flow weighs its bytes in load_units; the load of a link is what it carries over its rate. Every move is logged and can
/// be undone. Memory: 100 bytes per flow, 20 per link. Not thread-safe.

#include <chorus/network/routing.hpp>
#include <chorus/paths/loads.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

class occupancy {
public:
    /// A flow, and its route before.
    using move = std::pair<std::uint32_t, route_id>;

    static constexpr std::uint32_t none = 0xFFFF'FFFFU;

    /// Empty; the flows of `phase` are known, none has a route. The topology must outlive this.
    occupancy(topology const& on, std::span<flow const> phase)
        : on_(&on),
          unit_(on, phase),
          weight_on_(on.links(), 0.0),
          first_(on.links(), none) {
        for (auto const& f : phase) add_flow(f);
    }

    std::size_t flows() const { return phase_.size(); }
    flow const& at(std::uint32_t i) const { return phase_[i]; }
    route_id route(std::uint32_t i) const { return route_[i]; }
    double weight(std::uint32_t i) const { return static_cast<double>(phase_[i].bytes) / unit_.bytes; }

    std::uint32_t add_flow(flow const& f) {
        phase_.push_back(f);
        route_.push_back(unreachable);
        links_.resize(links_.size() + most_hops);
        return static_cast<std::uint32_t>(phase_.size() - 1);
    }

    /// Precondition: the flow has no route.
    void put(std::uint32_t i, route_id route) {
        log_.emplace_back(i, unreachable);
        link(i, route);
    }
    void take(std::uint32_t i) {
        log_.emplace_back(i, route_[i]);
        unlink(i);
    }

    /// All moves since `forget_moves`.
    std::span<move const> moves() const { return log_; }
    void forget_moves() { log_.clear(); }
    /// Undoes all but the first `count` moves.
    void undo(std::size_t count) {
        for (; log_.size() > count; log_.pop_back()) {
            unlink(log_.back().first);
            link(log_.back().first, log_.back().second);
        }
    }

    /// Load of the link if its flows weighed `more` in addition; infinite on a dead link.
    double load(link_id l, double more = 0) const {
        auto const rate = on_->rate(l) / unit_.rate;
        auto const weight = weight_on_[l] + more;
        return rate > 0 ? weight / rate : weight > 1e-9 ? std::numeric_limits<double>::infinity() : 0;
    }
    double weight_on(link_id l) const { return weight_on_[l]; }
    /// Weight that the link has room for under a maximum load.
    double room(link_id l, double most) const { return most * on_->rate(l) / unit_.rate - weight_on_[l]; }
    /// Whether flow i has a place on the link, which it is not on yet.
    bool has_place(link_id l, double most, std::uint32_t i) const { return room(l, most) >= weight(i) - 1e-9; }

    /// Calls visit(flow) for the flows on the link until it returns true; it must not move any.
    template <class Visit>
    void visit(link_id l, Visit&& visit) const {
        for (auto here = first_[l]; here != none; here = links_[here].after)
            if (visit(here / most_hops)) return;
    }
    std::span<hop_id const> hops(std::uint32_t i, route_id route) {
        return routing::expand(*on_, phase_[i].source, phase_[i].destination, route, buffer_);
    }
    topology const& on() const { return *on_; }

private:
    static constexpr std::uint32_t most_hops = 6;

    /// A flow's place in the list of one link.
    struct place {
        std::uint32_t before = none, after = none;
    };

    void link(std::uint32_t i, route_id route) {
        route_[i] = route;
        if (route == unreachable) return;
        std::uint32_t hop = 0;
        for (auto const l : hops(i, route)) {
            weight_on_[l] += weight(i);
            auto const here = i * most_hops + hop++;
            links_[here] = {none, first_[l]};
            if (first_[l] != none) links_[first_[l]].before = here;
            first_[l] = here;
        }
    }
    void unlink(std::uint32_t i) {
        if (route_[i] == unreachable) return;
        std::uint32_t hop = 0;
        for (auto const l : hops(i, route_[i])) {
            weight_on_[l] -= weight(i);
            auto const& here = links_[i * most_hops + hop++];
            (here.before == none ? first_[l] : links_[here.before].after) = here.after;
            if (here.after != none) links_[here.after].before = here.before;
        }
        route_[i] = unreachable;
    }

    topology const* on_;
    load_unit unit_;
    std::vector<flow> phase_;
    std::vector<route_id> route_;
    std::vector<place> links_;
    std::vector<double> weight_on_;
    std::vector<std::uint32_t> first_; // of the list of a link
    std::vector<move> log_;
    hop_buffer buffer_{};
};

} // namespace chorus
