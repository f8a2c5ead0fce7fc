#pragma once
/// A scenario: jobs, the network they run on, and what happens to it. Read from JSON by json/scenario.hpp.

#include <chorus/traffic/job.hpp>

#include <string>
#include <vector>

namespace chorus::traffic {

/// For 1 - (interval / 2 + repair) / between: seconds between checkpoints, to repair, between failures.
struct availability_terms {
    double interval = 0, repair = 0, between = 0;
};

struct scenario {
    std::string topology;              ///< in the grammar of parse_topology; may be empty
    std::vector<std::string> policies; ///< suggestions; may be empty
    std::vector<std::string> assumptions;
    std::vector<std::string> warnings; ///< "FILE: PLACE: ...": what is not as the file says it
    double payload = 1, utilisation = 1, convergence = 0; ///< sim/efficiency.hpp
    double step_overhead = 0, reroute_after = 0;

    struct link_change {
        double time = 0;
        std::string link;
        double health = 0;
    };
    std::vector<link_change> links;
    availability_terms availability;
    std::vector<job> jobs;
};

} // namespace chorus::traffic
