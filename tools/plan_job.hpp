#pragma once
/// chorus plan --job: a plan for every phase of the jobs in a file; and what it shares with plans of one phase.

#include "policies.hpp"

#include <chorus/json/plan.hpp>
#include <chorus/paths/replan.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace chorus::tools {

struct job_plan_request {
    std::string topology, job, policy; ///< of a new plan; the topology may be in the file of jobs
    std::string plan, fail;            ///< or a plan to start from, and links that die
    std::string out;
    std::vector<std::string> plugins;
    bool as_json = false;
};
int plan_job(job_plan_request const& asked);

/// Whether the file is what plan_job writes. False where there is no file.
bool is_job_plan(std::string const& path);

/// What is reported of one phase.
json::value plan_figures(topology const& on, std::string const& policy, std::span<flow const> phase, routing const& paths,
                         double milliseconds, std::optional<std::size_t> changed);
/// Keys beside values, for people.
std::string figures_table(json::value const& figures);

/// After links have died: as few other paths as possible where the planner made them, all anew where another policy did.
replanned plan_again(topology const& on, policy_catalogue const& known, std::string const& policy, std::span<flow const> phase, routing const& before);

template <class Work>
auto timed(double& milliseconds, Work&& work) {
    auto const start = std::chrono::steady_clock::now();
    auto result = work();
    milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return result;
}

} // namespace chorus::tools
