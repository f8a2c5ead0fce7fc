#pragma once
/// A job's figures under one path policy.

#include <chorus/sim/record.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace chorus::report {

/// Of one job, per iteration where it has several:
struct job_figures {
    double iteration = 0;     ///< seconds; sim::never where it never ended
    double compute = 0;       ///< seconds in which it computes (the union of its computations)
    double bubble = 0;        ///< seconds in which its pipeline fills and drains
    double exposed = 0;       ///< the rest: it does nothing but communicate
    double communication = 0; ///< seconds in which it communicates, hidden or not
    double speed_up = 1;      ///< compute / iteration: the part of linear speed-up that is left
    double mfu = 0;           ///< model operations / (iteration * peak of all ranks)
    /// Makespan efficiency of its transfers together: seconds they would take at line rate on a network that is never in
    /// the way, over the seconds they take. 100 % is line rate; with payload < 1, goodput reaches `payload` at best.
    double efficiency = 1;
    double mean_rate = 1;     ///< mean over its flows of rate / unhindered rate, weighted by the seconds of their phase
    double slowest_rate = 1;  ///< of the slowest flow of any phase
    bool stuck = false;       ///< it never ended: all other figures say nothing
};

namespace detail {

/// Seconds covered by at least one of the intervals.
inline double covered(std::vector<sim::interval> all) {
    std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.begin < b.begin; });
    double sum = 0, until = -1;
    for (auto const& each : all) {
        sum += std::max(0.0, each.end - std::max(until, each.begin));
        until = std::max(until, each.end);
    }
    return sum;
}

} // namespace detail

inline job_figures stuck_figures() {
    job_figures result;
    result.iteration = result.exposed = result.communication = sim::never;
    result.speed_up = result.efficiency = result.mean_rate = result.slowest_rate = 0;
    result.stuck = true;
    return result;
}

inline job_figures figures(traffic::program const& what, sim::run_record const& record, std::uint32_t job) {
    job_figures result;
    std::vector<sim::interval> computing, bubbles, communicating, busy;
    auto begin = record.makespan, end = 0.0;
    for (std::size_t a = 0; a < what.activities.size(); ++a) {
        auto const& one = what.activities[a];
        if (one.job != job || one.kind == "wait") continue;
        auto const& when = record.activities[a];
        begin = std::min(begin, when.begin);
        end = std::max(end, when.end);
        (one.communicates() ? communicating : one.kind == "bubble" ? bubbles : computing).push_back(when);
    }
    result.stuck = std::any_of(record.stuck.begin(), record.stuck.end(), [&](auto a) { return what.activities[a].job == job; });
    if (result.stuck) return stuck_figures();
    auto const& of = what.jobs[job];
    auto const iterations = static_cast<double>(of.iterations);
    busy = computing;
    busy.insert(busy.end(), bubbles.begin(), bubbles.end());
    result.iteration = std::max(0.0, end - begin) / iterations;
    result.compute = detail::covered(std::move(computing)) / iterations;
    result.bubble = detail::covered(std::move(bubbles)) / iterations;
    result.exposed = result.iteration - detail::covered(std::move(busy)) / iterations;
    result.communication = detail::covered(std::move(communicating)) / iterations;
    if (result.iteration > 0 && result.compute > 0) result.speed_up = result.compute / result.iteration;
    auto const all_peaks = of.peak * static_cast<double>(of.ranks.size());
    if (all_peaks > 0 && result.iteration > 0) result.mfu = of.flops / (result.iteration * all_peaks);

    double ideal = 0, took = 0, weighted = 0;
    for (auto const& each : record.phases) {
        if (what.activities[each.activity].job != job || each.transferred <= each.begin) continue;
        auto const seconds = each.transferred - each.begin;
        ideal += each.ideal;
        took += seconds;
        weighted += seconds * each.mean_rate;
        result.slowest_rate = std::min(result.slowest_rate, each.slowest_rate);
    }
    if (took > 0) result.efficiency = ideal / took, result.mean_rate = weighted / took;
    return result;
}

/// 1 - (interval / 2 + repair) / between failures, all in seconds: what part of the time a job makes progress that lasts,
/// if it loses half a checkpoint interval and the time of a repair at every failure. Not below 0.
inline double availability(double checkpoint_interval, double repair, double between_failures) {
    return std::max(0.0, 1 - (checkpoint_interval / 2 + repair) / between_failures);
}

} // namespace chorus::report
