#pragma once
/// A program of jobs on a network, from its first computation to its last flow.

#include <chorus/core/errors.hpp>
#include <chorus/network/policy.hpp>
#include <chorus/network/topology.hpp>
#include <chorus/sim/efficiency.hpp>
#include <chorus/sim/fluid.hpp>
#include <chorus/sim/in_network.hpp>
#include <chorus/sim/line_rate.hpp>
#include <chorus/sim/phase.hpp>
#include <chorus/sim/record.hpp>
#include <chorus/traffic/program.hpp>
#include <chorus/traffic/strands.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace chorus::sim {

/// Runs a program under a path policy. What repeats is transferred in one go, with the bytes of all its repeats: a fluid
/// is the same at every scale, so that alone on a network this takes exactly as long. Each repeat still costs the latency
/// of its longest path and `step_overhead`.
///
/// Deterministic. O(flows log flows) for each phase, besides the policy.
template <path_policy Policy, class Observer = no_record_observer>
class timeline {
public:
    timeline(topology on, traffic::program const& what, Policy policy, run_options options, Observer observe = {})
        : on_(std::move(on)), program_(what), policy_(std::move(policy)), options_(std::move(options)), observe_(std::move(observe)),
          lines_(on_), flows_(std::vector<double>(on_.hops(), 0.0)), waits_(what.activities.size()), next_(what.activities.size()) {
        check(options_.how);
        if (options_.loads != nullptr)
            flows_.watch([this](hop_id hop, double begin, double end, double rate) { options_.loads->carry(on_, hop, begin, end, rate); });
        result_.activities.resize(what.activities.size());
        for (std::size_t i = 0; i < options_.events.size(); ++i) timers_.push({options_.events[i].time, timer::link, static_cast<std::uint32_t>(i)});
        update_capacities();
    }

    /// Throws usage_error where an activity waits for one that is not before it, or ranks have no place.
    run_record run() {
        for (std::uint32_t a = 0; a < waits_.size(); ++a) {
            for (auto const before : program_.activities[a].after) {
                if (before >= a) chorus::detail::misuse({"activity ", a, " waits for ", before, ", which does not come before it"});
                next_[before].push_back(a);
                ++waits_[a];
            }
        }
        if constexpr (plans_ahead<Policy>)
            if (policy_.looks_ahead()) policy_.plan_ahead(on_, traffic::strands_of(program_));
        for (std::uint32_t a = 0; a < waits_.size(); ++a)
            if (waits_[a] == 0) begin(a);
        while (done_ < waits_.size() && step()) {}
        for (auto const& each : active_)
            if (each != nullptr) result_.stuck.push_back(each->activity);
        result_.events = flows_.events();
        return std::move(result_);
    }

private:
    struct timer {
        double time;
        enum what_for { link, reroute, computed, arrived } what; ///< of equal times, links change first
        std::uint32_t index;
        friend bool operator<(timer const& a, timer const& b) {
            return std::tuple(a.time, a.what, a.index) > std::tuple(b.time, b.what, b.index);
        }
    };
    struct transfer {
        std::uint32_t activity;
        std::size_t phase;
        std::size_t record; ///< index into result_.phases
        std::vector<flow> flows;
        routing paths;
        std::unique_ptr<phase_run> run;
    };

    bool step() {
        auto const flow_time = flows_.next(), timer_time = timers_.empty() ? never : timers_.top().time;
        if (flow_time == never && timer_time == never) return false;
        flows_.advance(std::min(flow_time, timer_time), [&](std::int32_t number) { flow_ended(number); });
        while (!timers_.empty() && timers_.top().time <= flows_.now()) {
            auto const due = timers_.top();
            timers_.pop();
            switch (due.what) {
            case timer::link: change_link(options_.events[due.index]); break;
            case timer::reroute: reroute(); break;
            case timer::computed: end(due.index); break;
            case timer::arrived: next_phase(due.index); break;
            }
        }
        if (options_.progress) options_.progress(flows_.now(), static_cast<double>(done_) / static_cast<double>(waits_.size()));
        return true;
    }

    void begin(std::uint32_t a) {
        auto const& what = program_.activities[a];
        result_.activities[a].begin = flows_.now();
        if (what.communicates()) {
            position_.resize(waits_.size());
            start_phase(a);
        } else {
            timers_.push({flows_.now() + what.seconds, timer::computed, a});
        }
    }
    void end(std::uint32_t a) {
        result_.activities[a].end = flows_.now();
        result_.makespan = flows_.now();
        ++done_;
        for (auto const n : next_[a])
            if (--waits_[n] == 0) begin(n);
    }
    void next_phase(std::uint32_t a) {
        ++position_[a];
        start_phase(a);
    }

    void start_phase(std::uint32_t a) {
        auto const& what = program_.activities[a];
        auto const count = what.phases ? what.phases->size() : 1;
        if (position_[a] >= count) return end(a);
        auto now = std::make_unique<transfer>();
        now->activity = a;
        now->phase = position_[a];
        now->record = result_.phases.size();
        phase_record record;
        record.activity = a;
        record.phase = position_[a];
        record.begin = flows_.now();
        auto latency = 0.0;
        if (what.reduced) {
            latency = start_trees(*now, record, what);
        } else {
            auto const& phase = (*what.phases)[position_[a]];
            record.repeats = static_cast<double>(phase.repeats) * what.times;
            now->flows = traffic::placed(phase, program_.jobs[what.job], what.job, record.repeats);
            now->paths = policy_.route(on_, now->flows);
            if (now->paths.how_spread != spread_) {
                spread_ = now->paths.how_spread;
                update_capacities();
            }
            now->run = std::make_unique<phase_run>(flows_, on_, now->flows, now->paths);
            phase_times rates;
            detail::note_rates(rates, *now->run, flows_, now->flows, lines_, options_.how.goodput());
            record.note(rates, now->flows.size(), lines_.ideal_time(now->flows));
            latency = longest_latency(on_, now->flows, now->paths);
        }
        record.latency = std::ceil(record.repeats) * (latency + options_.step_overhead) + (record.contended ? options_.how.convergence : 0.0);
        observe_(record, on_, std::span<flow const>(now->flows), now->paths);
        result_.phases.push_back(record);
        own(*now);
        auto const slot = a;
        if (active_.size() <= slot) active_.resize(waits_.size());
        active_[slot] = std::move(now);
        if (active_[slot]->run->unfinished() == 0 && !stuck(*active_[slot])) transferred(slot);
    }
    double start_trees(transfer& now, phase_record& record, traffic::activity const& what) {
        std::vector<std::vector<hop_id>> trees;
        auto const& ranks = program_.jobs[what.job].ranks;
        for (auto const& members : *what.reduced) {
            std::vector<endpoint_id> places;
            for (auto const rank : members) places.push_back(ranks.at(static_cast<std::size_t>(rank)));
            trees.push_back(reduction_tree(on_, places, static_cast<std::uint32_t>(trees.size())));
        }
        record.repeats = what.times;
        record.flows = trees.size();
        record.ideal = what.bytes * what.times / lines_.of(ranks[0], false);
        now.run = std::make_unique<phase_run>(flows_, trees, what.bytes * what.times);
        return 6 * on_.latency(0);
    }

    void own(transfer const& now) {
        for (auto const number : now.run->numbers()) {
            if (owner_.size() <= static_cast<std::size_t>(number)) owner_.resize(static_cast<std::size_t>(number) + 1);
            owner_[static_cast<std::size_t>(number)] = now.activity;
        }
    }
    void flow_ended(std::int32_t number) {
        auto const slot = owner_[static_cast<std::size_t>(number)];
        auto& run = *active_[slot]->run;
        run.ended(number, flows_.now());
        if (run.unfinished() == 0 && !stuck(*active_[slot])) transferred(slot);
    }
    /// Something of it has no path at all: only another route helps.
    static bool stuck(transfer const& of) {
        auto const parts = of.paths.subflows();
        return std::any_of(parts.begin(), parts.end(), [](subflow const& s) { return s.route == unreachable; });
    }
    void transferred(std::uint32_t slot) {
        auto& record = result_.phases[active_[slot]->record];
        record.transferred = flows_.now();
        record.end = flows_.now() + record.latency;
        active_[slot] = nullptr;
        timers_.push({record.end, timer::arrived, slot});
    }

    void change_link(link_event const& event) {
        flows_.tell_all();
        if (event.both_directions) on_.set_cable_health(event.link, event.health);
        else on_.set_health(event.link, event.health);
        if (options_.loads != nullptr) options_.loads->links_changed();
        update_capacities();
        timers_.push({flows_.now() + options_.reroute_after, timer::reroute, 0});
    }
    void update_capacities() {
        routing of;
        of.how_spread = spread_;
        auto const now = capacities(on_, of, options_.how);
        for (hop_id h = 0; h < now.size(); ++h)
            if (now[h] != flows_.rates().capacity(h)) flows_.set_capacity(h, now[h]);
    }
    /// What is left of every transfer gets new paths on the network as it is now.
    void reroute() {
        for (auto& each : active_) {
            if (each == nullptr || each->flows.empty()) continue;
            std::vector<double> left(each->flows.size());
            for (auto const& part : each->paths.subflows()) // what never had a path
                if (part.route == unreachable) left[part.flow] += static_cast<double>(part.share) * static_cast<double>(each->flows[part.flow].bytes);
            for (auto const number : each->run->numbers()) {
                if (!flows_.running(number) || owner_[static_cast<std::size_t>(number)] != each->activity) continue;
                left[each->run->flow_of(number)] += flows_.left(number);
                flows_.stop(number);
            }
            std::vector<flow> rest;
            for (std::size_t f = 0; f < left.size(); ++f)
                if (left[f] > 0) rest.push_back({each->flows[f].source, each->flows[f].destination, static_cast<std::uint64_t>(std::ceil(left[f])), each->flows[f].tag});
            each->flows = std::move(rest);
            each->paths = policy_.route(on_, each->flows);
            each->run = std::make_unique<phase_run>(flows_, on_, each->flows, each->paths);
            own(*each);
        }
    }

    topology on_;
    traffic::program const& program_;
    Policy policy_;
    run_options options_;
    Observer observe_;
    line_rates lines_;
    fluid flows_;
    spreading spread_ = spreading::even;
    std::vector<std::size_t> waits_;
    std::vector<std::vector<std::uint32_t>> next_;
    std::vector<std::size_t> position_;              ///< by activity: the phase that it is in
    std::vector<std::unique_ptr<transfer>> active_;  ///< by activity
    std::vector<std::uint32_t> owner_;               ///< by number of a flow: its activity
    std::priority_queue<timer> timers_;
    std::size_t done_ = 0;
    run_record result_;
};

/// The same in one call.
template <path_policy Policy, class Observer = no_record_observer>
run_record run(topology const& on, traffic::program const& what, Policy policy, run_options options = {}, Observer observe = {}) {
    return timeline<Policy, Observer>(on, what, std::move(policy), std::move(options), std::move(observe)).run();
}

} // namespace chorus::sim
