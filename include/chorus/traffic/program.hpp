#pragma once
/// What jobs do, as the simulator sees it: computations and exchanges that wait for each other.

#include <chorus/network/placement.hpp>
#include <chorus/pattern/groups.hpp>
#include <chorus/traffic/phase.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// The phases of an exchange, in order. Shared: all buckets of a gradient, say, are the same exchange.
using exchange = std::shared_ptr<std::vector<phase> const>;

/// One bar of a job's timeline. It begins when all that it waits for has ended. Either it computes, for `seconds`, or it
/// communicates: `phases` one after the other, the whole `times` times, or a reduction inside the network.
struct activity {
    std::string name;
    std::string kind = "compute"; ///< what for: "compute", "tensor", "data", "pipeline", "expert"...: a colour in pictures
    std::uint32_t job = 0;
    std::uint32_t strand = 0;     ///< exchanges of one kind follow each other where this is equal, and may meet where it is not
    std::vector<std::uint32_t> after; ///< indices of earlier activities of the same program
    double seconds = 0;
    exchange phases;
    double times = 1;                 ///< may be a fraction: a bucket of a whole
    std::shared_ptr<group_members const> reduced; ///< groups whose vectors of `bytes` switches reduce and send back
    double bytes = 0;

    bool communicates() const { return phases != nullptr || reduced != nullptr; }
};

/// A job: where its ranks are, and what is known of it for the report.
struct member {
    std::string name;
    placement ranks;
    double flops = 0;          ///< floating-point operations of the model per iteration, all ranks together
    double peak = 0;           ///< of one rank, per second
    std::uint64_t iterations = 1; ///< that the program contains
    std::vector<std::string> chosen{}; ///< what "auto" has become, for people: "all_reduce of 8 bytes among 4 ranks: tree"
};

/// All jobs on one network. Activities are in an order in which each comes after what it waits for.
struct program {
    std::vector<member> jobs;
    std::vector<activity> activities;

    /// Returns the index of the new activity.
    std::uint32_t add(activity one) {
        activities.push_back(std::move(one));
        return static_cast<std::uint32_t>(activities.size() - 1);
    }
};

} // namespace chorus::traffic
