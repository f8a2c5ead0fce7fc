#pragma once
/// A plan that lives: links die, degrade and return, flows come and go, and as few other flows as possible change their
/// paths.
///
/// A flow that needs a route takes the least loaded one. If that is above the maximum load of the plan, it takes one
/// all the same and drives others out, which look for routes in turn (a chain); if the chain does not end soon, it is
/// undone and the maximum load of the plan grows.
///
///   one flow    O(routes) for a place that is free, O(chain * routes) otherwise
///
/// Clos fabrics only. Not thread-safe.

#include <chorus/paths/occupancy.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

class live_plan {
public:
    /// What an event did to the plan.
    struct change {
        std::size_t changed_paths = 0; ///< flows that were there before and have another route now
        double max_load = 0;           ///< the plan keeps to it
    };

    /// Takes over a routing without split flows. The topology is this plan's: change its health through here.
    live_plan(topology& on, std::span<flow const> phase, routing const& how) : on_(on), flows_(on, phase) {
        if (on.links() > 0) on.set_health(0, on.health(0)); // makes the table of health now, not in the first event
        for (auto const& each : how.subflows()) flows_.put(each.flow, each.route);
        for (link_id l = 0; l < on.links(); ++l)
            if (on.alive(l)) most_ = std::max(most_, flows_.load(l));
    }

    double most() const { return most_; }
    occupancy const& flows() const { return flows_; }

    /// Health of one direction or, with set_cable_health, of both. Flows move when a link carries more than the plan's
    /// maximum load now.
    change set_health(link_id l, double health) {
        on_.set_health(l, health);
        return after_event({l});
    }
    change set_cable_health(link_id l, double health) {
        on_.set_cable_health(l, health);
        return after_event({l, topology::reverse(l)});
    }

    /// A new flow; its number is the last one.
    change add(flow const& f) {
        begin();
        auto const i = flows_.add_flow(f);
        if (!insert(i)) insert_anyway(i);
        before_.erase(std::remove_if(before_.begin(), before_.end(), [&](auto const& b) { return b.first == i; }),
                      before_.end());
        return finish();
    }
    void remove(std::uint32_t i) { flows_.take(i); }

    /// Starts from that maximum load, moves what is above it, and lets it grow as far as it must.
    change settle(double most) {
        begin();
        most_ = most;
        for (auto const i : drive_out_everywhere())
            if (!insert(i)) insert_anyway(i);
        return finish();
    }

    /// Looks for a plan with that maximum load, and changes nothing if it does not find one. True when it did.
    bool improve(double most, change& what) {
        begin();
        auto const was = std::exchange(most_, most);
        auto const moved = drive_out_everywhere();
        auto good = true;
        for (auto const i : moved) good = good && insert(i);
        if (!good) {
            undo();
            most_ = was;
        }
        what = finish();
        return good;
    }

    /// Routes as they are now; flows that were removed or have no path are `unreachable`.
    routing result() const {
        routing how;
        how.assign(flows_.flows(), unreachable);
        for (auto& each : how.subflows()) each.route = flows_.route(each.flow);
        return how;
    }

private:
    static constexpr std::size_t longest_chain = 100;

    void begin() { before_.clear(); }
    change finish() {
        std::stable_sort(before_.begin(), before_.end(),
                         [](auto const& a, auto const& b) { return a.first < b.first; });
        change what{0, most_};
        for (std::size_t i = 0; i < before_.size(); ++i) // the first of each flow is from before the event
            if (i == 0 || before_[i].first != before_[i - 1].first)
                what.changed_paths += before_[i].second != flows_.route(before_[i].first) ? 1 : 0;
        return what;
    }
    void undo() {
        for (auto move = before_.rbegin(); move != before_.rend(); ++move)
            flows_.take(move->first), flows_.put(move->first, move->second);
        before_.clear();
    }
    void take(std::uint32_t i) {
        before_.emplace_back(i, flows_.route(i));
        flows_.take(i);
    }

    change after_event(std::initializer_list<link_id> links) {
        begin();
        std::vector<std::uint32_t> moved;
        for (auto const l : links) drive_out(l, moved, flows_.flows());
        for (auto const i : moved)
            if (!insert(i)) insert_anyway(i);
        return finish();
    }

    /// Takes flows off the link until it is not loaded above the maximum; `but` stays.
    void drive_out(link_id l, std::vector<std::uint32_t>& moved, std::size_t but) {
        while (flows_.room(l, most_) < -1e-9) {
            auto out = occupancy::none;
            std::uint64_t seen = 0;
            flows_.visit(l, [&](std::uint32_t i) { // any of them, by lot
                if (i != but && next_random() % ++seen == 0) out = i;
                return false;
            });
            if (out == occupancy::none) return;
            take(out);
            moved.push_back(out);
        }
    }
    std::vector<std::uint32_t> drive_out_everywhere() {
        std::vector<std::uint32_t> moved;
        for (link_id l = 0; l < on_.links(); ++l) drive_out(l, moved, flows_.flows());
        return moved;
    }

    /// How a route would be with one more flow.
    struct offer {
        route_id route = unreachable;
        double worst = std::numeric_limits<double>::infinity();  ///< load of its most loaded link
        double excess = std::numeric_limits<double>::infinity(); ///< weight above the maximum, over all its links
    };

    /// Within the maximum load, by a chain if need be. False, and nothing changed, when it finds none.
    bool insert(std::uint32_t i) {
        auto const best = best_route(i, false);
        if (best.route == unreachable) return true; // no path is alive: it stays without
        if (best.worst <= most_ * (1 + 1e-9)) {
            flows_.put(i, best.route);
            return true;
        }
        return has_room(i) && chain(i);
    }
    void insert_anyway(std::uint32_t i) {
        auto const best = best_route(i, false);
        flows_.put(i, best.route);
        most_ = std::max(most_, best.worst);
    }

    bool chain(std::uint32_t start) {
        auto const mark = before_.size();
        std::vector<std::uint32_t> homeless{start};
        for (std::size_t moves = 0; !homeless.empty() && moves < longest_chain; ++moves) {
            auto const i = homeless.back();
            auto const best = best_route(i, true);
            if (best.route == unreachable) break;
            homeless.pop_back();
            flows_.put(i, best.route);
            auto const placed = flows_.hops(i, best.route);
            std::vector<link_id> const links(placed.begin(), placed.end());
            for (auto const l : links) drive_out(l, homeless, i);
        }
        if (homeless.empty()) return true;
        flows_.take(start);
        for (; before_.size() > mark; before_.pop_back()) {
            flows_.take(before_.back().first);
            flows_.put(before_.back().first, before_.back().second);
        }
        flows_.take(start);
        return false;
    }

    /// The best of all routes for a flow: the least loaded, or in a chain the one where the least must make room.
    offer best_route(std::uint32_t i, bool in_chain) {
        auto const& c = *on_.clos();
        auto const& f = flows_.at(i);
        auto const from = c.edge_of(f.source), to = c.edge_of(f.destination);
        auto const local = from == to || (c.bus && c.host_of(f.source) == c.host_of(f.destination));
        auto const xs = local ? 1 : c.xs(), ys = !local && c.pod_of_edge(from) != c.pod_of_edge(to) ? c.ys() : 1;
        auto const turn = next_random();
        auto const first_x = static_cast<std::uint32_t>(turn % xs),
                   first_y = static_cast<std::uint32_t>((turn >> 32) % ys);
        offer best;
        for (std::uint32_t plane = 0; plane < c.planes; ++plane)
            for (std::uint32_t x = 0; x < xs; ++x)
                for (std::uint32_t y = 0; y < ys; ++y) {
                    auto const one = judge(i, c.route({plane, (first_x + x) % xs, (first_y + y) % ys}));
                    auto const better = in_chain ? one.excess < best.excess : one.worst < best.worst;
                    if (better) best = one;
                    if (!in_chain && best.worst <= flows_.weight(i)) return best; // nothing else is on it
                }
        return best;
    }
    offer judge(std::uint32_t i, route_id route) {
        offer one{route, 0, 0};
        for (auto const l : flows_.hops(i, route)) {
            if (!on_.alive(l)) return {};
            one.worst = std::max(one.worst, flows_.load(l, flows_.weight(i)));
            auto const full = flows_.weight(i) - flows_.room(l, most_);
            auto const alone = full - flows_.weight_on(l) <= 1e-9; // it would fit, were it alone
            one.excess += alone ? std::max(0.0, full) : std::numeric_limits<double>::infinity();
        }
        return one;
    }

    /// Could the flow fit at all: is there room on the links around its switches and pods, however it is spread?
    bool has_room(std::uint32_t i) {
        auto const& f = flows_.at(i);
        auto const weight = flows_.weight(i);
        for (auto const hop : routing::expand(on_, f.source, f.destination, spread, buffer_)) {
            if (on_.is_link(hop)) {
                if (flows_.room(hop, most_) < weight - 1e-9) return false;
                continue;
            }
            auto const links = on_.bundle(hop);
            double room = 0;
            for (std::uint32_t k = 0; k < links.size(); ++k) room += std::max(0.0, flows_.room(links.link(k), most_));
            if (room < weight - 1e-9) return false;
        }
        return true;
    }

    std::uint64_t next_random() {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return random_;
    }

    topology& on_;
    occupancy flows_;
    double most_ = 0;
    std::vector<std::pair<std::uint32_t, route_id>> before_; // flows taken off in this event, and their routes then
    std::uint64_t random_ = 0x9E37'79B9'7F4A'7C15U;
    hop_buffer buffer_{};
};

} // namespace chorus
