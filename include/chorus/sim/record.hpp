#pragma once
/// What a simulated program leaves behind, and what may happen to it on the way.

#include <chorus/network/flow.hpp>
#include <chorus/network/routing.hpp>
#include <chorus/network/topology.hpp>
#include <chorus/sim/efficiency.hpp>
#include <chorus/sim/load_series.hpp>
#include <chorus/sim/phase.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace chorus::sim {

/// At `time` a link (and the link back) has another part of its nominal rate: 0 dies, 1 comes back.
struct link_event {
    double time = 0;
    link_id link = 0;
    double health = 0;
    bool both_directions = true;
};

struct run_options {
    efficiency how;
    double step_overhead = 0;  ///< seconds that hosts add to every message that waits for another
    double reroute_after = 0;  ///< seconds from a link's change to new paths for what is under way
    std::vector<link_event> events;
    load_series* loads = nullptr; ///< where given, link loads over time are added up there
    std::function<void(double now, double share)> progress; ///< called often: simulated seconds, part of the activities that ended
};

struct interval {
    double begin = 0, end = 0;
    double length() const { return end - begin; }
};

/// One phase of an activity, as it went.
struct phase_record {
    std::uint32_t activity = 0;
    std::size_t phase = 0;
    double repeats = 1;
    std::size_t flows = 0;
    double begin = 0;
    double transferred = 0; ///< the last flow has ended
    double end = 0;         ///< and the latency of all repeats has passed
    double latency = 0;
    double ideal = 0;       ///< seconds to transfer it at line rate on a network that is never in the way
    double mean_rate = 1, slowest_rate = 1; ///< at its beginning, of the unhindered rate (line_rate.hpp)
    bool contended = false;
    std::vector<std::uint32_t> histogram; ///< flows by rate / unhindered rate at its beginning, twenty bins from 0 to 1

    /// Makespan efficiency of the transfer; 0 while it is not complete.
    double efficiency() const { return transferred > begin ? ideal / (transferred - begin) : ideal > 0 ? 0 : 1; }
    void note(phase_times const& at_start, std::size_t count, double ideal_seconds) {
        flows = count;
        ideal = ideal_seconds;
        mean_rate = at_start.mean_rate;
        slowest_rate = at_start.slowest_rate;
        contended = at_start.contended;
        histogram = at_start.histogram;
    }
};

struct run_record {
    std::vector<interval> activities;
    std::vector<phase_record> phases;
    std::vector<std::uint32_t> stuck; ///< activities that never ended: some flow has no living path
    double makespan = 0;
    std::uint64_t events = 0;         ///< how many times rates were brought up to date
};

struct no_record_observer {
    void operator()(phase_record const&, topology const&, std::span<flow const>, routing const&) const {}
};

/// Seconds along the longest path of the phase, one way. O(hops of all sub-flows).
inline double longest_latency(topology const& on, std::span<flow const> phase, routing const& paths) {
    double longest = 0;
    hop_buffer buffer;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        double sum = 0;
        for (auto const hop : paths.hops(on, phase, i, buffer))
            sum += on.latency(on.is_link(hop) ? hop : on.bundle(hop).link(0));
        longest = std::max(longest, sum);
    }
    return longest;
}

} // namespace chorus::sim
