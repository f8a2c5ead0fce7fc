#pragma once
/// A plan that lives: links die, degrade and return, flows come and go, and as few other flows as possible change their
/// paths.
///
/// A flow that needs a route takes the least loaded one. If that is above the maximum load of the plan, it drives others out
/// (chain.hpp) or exchanges places with them (exchange.hpp); if that leads nowhere, the maximum load of the plan grows. The lower bound
/// is kept beside it.
///
///   one flow    O(routes) for a place that is free, O(chain * routes) or an exchange otherwise
///   one event   that for each flow that it touches, and no pass over the others
///
/// Clos fabrics only. Not thread-safe.

#include <chorus/paths/chain.hpp>
#include <chorus/paths/exchange.hpp>
#include <chorus/paths/live_bound.hpp>
#include <chorus/paths/occupancy.hpp>
#include <chorus/paths/walk.hpp>

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
        double lower_bound = 0;        ///< no plan of whole flows could keep to less
        std::size_t unreachable = 0;   ///< flows that no living path leads to their destination; they do not count
        std::vector<std::uint32_t> moved = {}; ///< the flows whose paths have changed

        bool optimal() const { return max_load <= lower_bound * (1 + 1e-9); }
    };

    /// Takes over a routing without split flows. The topology is this plan's: change its health through here. Flows on dead
    /// links stay there until `settle`. Cost: O(flows + links).
    live_plan(topology& on, std::span<flow const> phase, routing const& how)
        : on_(on), flows_(on, phase), bound_(on, load_unit(on, phase), phase) {
        if (on.links() > 0) on.set_health(0, on.health(0)); // makes the table of health now, not in the first event
        for (auto const& each : how.subflows())
            if (each.route != unreachable && (works(each.flow, each.route) || can_arrive(each.flow))) flows_.put(each.flow, each.route);
            else lose(each.flow);
        for (link_id l = 0; l < on.links(); ++l)
            if (on.alive(l)) most_ = std::max(most_, flows_.load(l));
        lower();
    }

    double most() const { return most_; }
    /// No plan of these whole flows keeps to less. Flows that have no living path do not count.
    lower_bound const& lower() {
        if (bound_.must_count()) bound_.count(living());
        return bound_.best();
    }
    bool equal_flows() const { return bound_.equal_flows(); }
    occupancy const& flows() const { return flows_; }

    /// Health of one direction or, with set_cable_health, of both. Flows move when a link carries more than the plan's
    /// maximum load now.
    change set_health(link_id l, double health) {
        auto const better = health > on_.health(l);
        on_.set_health(l, health);
        return after_event({l}, better);
    }
    change set_cable_health(link_id l, double health) {
        auto const better = health > std::min(on_.health(l), on_.health(topology::reverse(l)));
        on_.set_cable_health(l, health);
        return after_event({l, topology::reverse(l)}, better);
    }

    /// A new flow; its number is the last one.
    change add(flow const& f) {
        begin();
        auto const i = flows_.add_flow(f);
        bound_.add(f);
        if (!insert(i)) insert_anyway(i);
        auto what = finish();
        what.changed_paths -= std::erase(what.moved, i);
        return what;
    }
    void remove(std::uint32_t i) {
        if (std::erase(lost_, i) == 0) bound_.remove(flows_.at(i));
        flows_.take(i);
    }

    /// Starts from that maximum load, moves what is above it, and lets it grow as far as it must.
    change settle(double most) {
        begin();
        most_ = most;
        auto moved = drive_out_everywhere();
        find_lost(moved);
        for (auto const i : moved)
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
            flows_.undo(0);
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
    void begin() { flows_.forget_moves(); }
    change finish() {
        std::vector<occupancy::move> moves(flows_.moves().begin(), flows_.moves().end());
        std::stable_sort(moves.begin(), moves.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
        change what{0, most_, lower().load, lost_.size()};
        for (std::size_t i = 0; i < moves.size(); ++i) // the first of each flow is from before the event
            if ((i == 0 || moves[i].first != moves[i - 1].first) && moves[i].second != flows_.route(moves[i].first))
                what.moved.push_back(moves[i].first);
        what.changed_paths = what.moved.size();
        return what;
    }

    change after_event(std::initializer_list<link_id> links, bool better) {
        begin();
        std::vector<std::uint32_t> moved;
        for (auto const l : links) {
            bound_.touch(l);
            chain_.drive_out(l, most_, moved);
        }
        if (better) find_lost(moved);
        for (auto const i : moved)
            if (!insert(i)) insert_anyway(i);
        return finish();
    }

    bool can_arrive(std::uint32_t i) const {
        routing ignored;
        auto const first = [](vertex_id, std::uint32_t, auto const&) { return 0U; };
        return walker(on_).walk(flows_.at(i).source, flows_.at(i).destination, first, ignored) != unreachable;
    }
    bool works(std::uint32_t i, route_id route) {
        auto const hops = flows_.hops(i, route);
        return on_.healthy() || std::all_of(hops.begin(), hops.end(), [&](hop_id l) { return on_.alive(l); });
    }
    /// There may be a way for them again.
    void find_lost(std::vector<std::uint32_t>& moved) {
        for (auto const i : std::exchange(lost_, {})) {
            bound_.add(flows_.at(i));
            moved.push_back(i);
        }
    }
    void lose(std::uint32_t i) {
        lost_.push_back(i);
        bound_.remove(flows_.at(i));
    }
    std::vector<flow> living() const {
        std::vector<flow> all;
        for (std::uint32_t i = 0; i < flows_.flows(); ++i)
            if (flows_.route(i) != unreachable) all.push_back(flows_.at(i));
        return all;
    }

    std::vector<std::uint32_t> drive_out_everywhere() {
        std::vector<std::uint32_t> moved;
        for (link_id l = 0; l < on_.links(); ++l) chain_.drive_out(l, most_, moved);
        return moved;
    }

    /// Within the maximum load, by chains and exchanges if need be. False, and nothing changed, when it finds none.
    bool insert(std::uint32_t i) {
        auto const best = chain_.least_loaded(i);
        if (best.route == unreachable) { // no path is alive: it stays without
            lose(i);
            return true;
        }
        if (best.worst <= most_ * (1 + 1e-9)) {
            flows_.put(i, best.route);
            return true;
        }
        return has_room(i) && (chain_.place(i, most_) || (bound_.equal_flows() && exchange_.place(i, most_)));
    }
    void insert_anyway(std::uint32_t i) {
        auto const best = chain_.least_loaded(i);
        flows_.put(i, best.route);
        most_ = std::max(most_, best.worst);
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

    topology& on_;
    occupancy flows_;
    detail::chain chain_{flows_};
    detail::exchange exchange_{flows_};
    live_bound bound_;
    double most_ = 0;
    std::vector<std::uint32_t> lost_; // flows without a living path
    hop_buffer buffer_{};
};

} // namespace chorus
