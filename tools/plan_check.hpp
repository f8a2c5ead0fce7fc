#pragma once
/// What a plan's file claims of its paths, and chorus plan --check.

#include <chorus/json/plan.hpp>

#include <optional>
#include <span>
#include <string>

namespace chorus::tools {

/// None where flows are sprayed: there are no paths to check.
std::optional<claim> claim_for(topology const& on, std::span<flow const> phase, routing const& paths);

/// Checks a file of --out, of one phase or of a job, with what shares no code with the planner. Says what it has found in a line for each
/// phase. Exit status.
int check_plan(std::string const& path);

/// Whether the file is a plan of a job. False where there is no file.
bool is_job_plan(std::string const& path);
bool is_sprayed(routing const& how);

} // namespace chorus::tools
