#pragma once
/// One phase on a network: flows that start together, on the paths that a routing gives them.

#include <chorus/network/flow.hpp>
#include <chorus/network/routing.hpp>
#include <chorus/network/topology.hpp>
#include <chorus/sim/efficiency.hpp>
#include <chorus/sim/fluid.hpp>
#include <chorus/sim/line_rate.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus::sim {

/// Payload bytes per second that every hop carries, by hop id; without bundles where nothing is spread. O(hops).
inline std::vector<double> capacities(topology const& on, routing const& paths, efficiency const& how = {}, bool bundles = true) {
    std::vector<double> result(bundles ? on.hops() : on.links());
    auto const goodput = how.goodput();
    for (hop_id h = 0; h < result.size(); ++h) result[h] = paths.capacity(on, h) * goodput;
    return result;
}

/// How it went, to the last flow.
struct phase_times {
    std::vector<double> rate;   ///< bytes per second, by flow, when all have started; 0 unreachable, `never` to itself
    std::vector<double> finish; ///< seconds, by flow: when its last sub-flow ended; `never` where it is stuck
    double mean_rate = 1;       ///< the mean over flows of rate / unhindered rate (line_rate.hpp), no flow's more than 1
    double slowest_rate = 1;    ///< the least of them
    double makespan = 0;        ///< seconds until the last flow ended that is not stuck
    double ideal = 0;           ///< seconds at line rate on a network that is never in the way (line_rate.hpp)
    std::size_t stuck = 0;      ///< flows that never end: unreachable, or over a dead link
    std::vector<std::uint32_t> histogram; ///< flows by rate / unhindered rate, twenty bins from 0 to 1
    bool contended = false;     ///< senders met on a full link: congestion control had something to do

    /// Makespan efficiency: ideal over makespan, 1 at best; 0 where a flow is stuck.
    double efficiency() const { return stuck > 0 ? 0 : makespan > 0 ? ideal / makespan : 1; }
};

/// A phase in a fluid simulation: its sub-flows, and which flow each belongs to.
class phase_run {
public:
    /// Starts everything at the simulation's present time.
    phase_run(fluid& in, topology const& on, std::span<flow const> phase, routing const& paths)
        : finish_(phase.size(), in.now()), open_(phase.size()) {
        hop_buffer buffer;
        in.reserve(paths.size(), paths.size() * buffer.size());
        numbers_.reserve(paths.size());
        for (std::size_t i = 0; i < paths.size(); ++i) {
            auto const hops = paths.hops(on, phase, i, buffer);
            auto const& part = paths[i];
            auto const& whole = phase[part.flow];
            if (hops.empty() && whole.source != whole.destination) finish_[part.flow] = never;
            if (!hops.empty())
                start(in, hops, part.flow, static_cast<double>(part.share) * static_cast<double>(whole.bytes));
        }
    }
    /// A flow over each of these sets of hops, of equal size: trees, whose links carry the same all at once.
    phase_run(fluid& in, std::vector<std::vector<hop_id>> const& trees, double bytes)
        : finish_(trees.size(), in.now()), open_(trees.size()) {
        for (std::size_t f = 0; f < trees.size(); ++f)
            if (!trees[f].empty()) start(in, trees[f], static_cast<std::uint32_t>(f), bytes);
    }

    /// To be told that a sub-flow of this phase has ended at `time`.
    void ended(std::int32_t number, double time) {
        auto const f = flow_of(number);
        if (finish_[f] != never) finish_[f] = time;
        --open_[f];
        --unfinished_;
    }
    std::size_t flow_of(std::int32_t number) const { return flow_of_[static_cast<std::size_t>(number)]; }
    /// The numbers that its sub-flows were given; those of ended ones may be others' by now.
    std::span<std::int32_t const> numbers() const { return numbers_; }
    /// Sub-flows that have not ended.
    std::size_t unfinished() const { return unfinished_; }
    /// By flow. Those that have not ended are stuck, now that nothing moves any more.
    std::vector<double> finish() && {
        for (std::size_t f = 0; f < open_.size(); ++f)
            if (open_[f] > 0) finish_[f] = never;
        return std::move(finish_);
    }

private:
    void start(fluid& in, std::span<hop_id const> hops, std::uint32_t f, double bytes) {
        auto const number = in.start(hops, {}, bytes);
        numbers_.push_back(number);
        auto const slot = static_cast<std::size_t>(number);
        if (slot >= flow_of_.size()) flow_of_.resize(slot + 1);
        flow_of_[slot] = f;
        ++open_[f];
        ++unfinished_;
    }

    std::vector<double> finish_;
    std::vector<std::uint32_t> open_;    ///< by flow: sub-flows that have not ended
    std::vector<std::int32_t> numbers_;
    std::vector<std::uint32_t> flow_of_; ///< by number in the simulation
    std::size_t unfinished_ = 0;
};

namespace detail {

/// Rates of the flows at their start, and what they say about contention.
inline void note_rates(phase_times& result, phase_run const& run, fluid& flows, std::span<flow const> phase,
                       line_rates const& lines, double goodput) {
    flows.next();
    result.rate.assign(phase.size(), 0);
    for (auto const number : run.numbers()) result.rate[run.flow_of(number)] += flows.rates().rate(number);
    result.histogram.assign(20, 0);
    auto const unhindered = lines.unhindered(phase);
    double sum = 0, count = 0;
    for (std::size_t f = 0; f < phase.size(); ++f) {
        if (phase[f].source == phase[f].destination) {
            result.rate[f] = never;
            continue;
        }
        auto const part = std::min(1.0, result.rate[f] / unhindered[f]); // more is what others could not use
        result.slowest_rate = count == 0 ? part : std::min(result.slowest_rate, part);
        ++result.histogram[static_cast<std::size_t>(std::clamp(part * 20 - 1e-6, 0.0, 19.0))];
        sum += part;
        ++count;
    }
    if (count > 0) result.mean_rate = sum / count;
    result.contended = result.slowest_rate < goodput * (1 - 1e-6) || lines.senders_meet(phase);
}

} // namespace detail

/// Called with the simulation before its clock moves on: all rates hold from now() to next().
struct no_observer {
    void operator()(fluid&) const {}
};

/// The phase to its last flow. `how.convergence` is added where senders met.
template <class Observer = no_observer>
phase_times simulate(topology const& on, std::span<flow const> phase, routing const& paths, efficiency const& how = {},
                     Observer observe = {}) {
    check(how);
    line_rates const lines(on);
    auto const& parts = paths.subflows();
    auto const spreads = std::any_of(parts.begin(), parts.end(), [](subflow const& s) { return s.route == spread; });
    fluid flows(capacities(on, paths, how, spreads));
    phase_run run(flows, on, phase, paths);
    phase_times result;
    detail::note_rates(result, run, flows, phase, lines, how.goodput());
    while (run.unfinished() > 0 && flows.next() != never) {
        observe(flows);
        flows.advance(flows.next(), [&](std::int32_t number) { run.ended(number, flows.now()); });
    }
    result.makespan = flows.now();
    result.finish = std::move(run).finish();
    for (auto& time : result.finish) {
        if (time == never) ++result.stuck;
        else if (result.contended && time > 0) time += how.convergence;
    }
    if (result.contended) result.makespan += how.convergence;
    result.ideal = lines.ideal_time(phase);
    return result;
}

} // namespace chorus::sim
