#pragma once
/// chorus plan --job: a plan for every phase of the jobs in a file; and what it shares with plans of one phase.

#include "plan_check.hpp"
#include "policies.hpp"

#include <chorus/json/plan.hpp>
#include <chorus/paths/replan.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chorus::tools {

struct job_plan_request {
    std::string topology, job, policy; ///< of a new plan; the topology may be in the file of jobs
    std::string plan, fail;            ///< or a plan to start from, and links that die
    std::string out;
    std::vector<std::string> plugins;
    bool as_json = false;
};
int plan_job(job_plan_request const& asked);

/// What is reported of one phase.
json::value plan_figures(topology const& on, std::string const& policy, std::span<flow const> phase, routing const& paths,
                         double milliseconds, std::optional<std::size_t> changed);
/// Keys beside values, for people.
std::string figures_table(json::value const& figures);

/// Links by name, separated by commas. A usage_error names one that there is not.
std::vector<link_id> find_links(topology const& on, std::string const& names);
/// When cables die: as few other paths as possible where the planner made them, all anew where another policy did. `on` has the health
/// from before. The time is that of the event alone, of a plan that was being kept.
replanned plan_again(topology const& on, std::span<link_id const> dead, policy_catalogue const& known, std::string const& policy,
                     std::span<flow const> phase, routing const& before, double& milliseconds);
inline void let_die(topology& on, std::span<link_id const> dead) {
    for (auto const l : dead) on.set_cable_health(l, 0);
}

inline double milliseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}
template <class Work>
auto timed(double& milliseconds, Work&& work) {
    auto const start = std::chrono::steady_clock::now();
    auto result = work();
    milliseconds = milliseconds_since(start);
    return result;
}

} // namespace chorus::tools
