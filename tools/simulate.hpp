#pragma once
/// What `chorus simulate` computes, before it is printed.

#include <chorus/network/topology.hpp>
#include <chorus/report/figures.hpp>
#include <chorus/sim/record.hpp>
#include <chorus/traffic/program.hpp>
#include <chorus/traffic/scenario.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chorus::tools {

/// Links that are drawn as one: all between two layers whose lower ends are neighbours, in one direction. Small fabrics
/// have one cell for each link.
struct load_cells {
    struct row {
        std::string name; ///< "edge to aggregation"
        bool up = true;
        std::vector<std::string> cells;
    };
    std::vector<row> rows;
    std::vector<std::uint32_t> cell_of;  ///< by link: number of its cell, counted through all rows
    std::vector<std::uint32_t> links_in; ///< by cell
    bool single = false;                 ///< a cell is a link
};
load_cells cells_of(topology const& on);

/// Seconds at full rate that a phase keeps the links of each cell busy.
struct phase_load {
    std::vector<float> mean, most; ///< by cell
};

struct simulated {
    std::string policy;
    double wall = 0; ///< seconds that the simulation itself took
    sim::run_record record;
    std::vector<report::job_figures> jobs;
    std::vector<phase_load> loads; ///< of the first phases
    std::optional<sim::load_series> over_time = {}; ///< by cell
};

/// Which order of dimensions a training job got from --mapping.
struct job_mapping {
    std::string job, order;
    double cost = 0; ///< paths/mapping.hpp
};

struct simulation {
    std::string file;
    traffic::scenario scenario;
    topology on; ///< as the simulation begins
    traffic::program program;
    load_cells cells;
    std::vector<simulated> policies;
    std::vector<job_mapping> mappings;
};

nlohmann::ordered_json as_json(simulation const& all, bool with_loads);
std::string as_page(simulation const& all);

} // namespace chorus::tools
