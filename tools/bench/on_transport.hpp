#pragma once
/// The same measurement on each transport. Return the exit status.

#include "algorithms.hpp"
#include "options.hpp"

namespace chorus::tools {

int bench_on_threads(bench_options const& how, algorithms const& known);
int bench_on_processes(bench_options const& how, algorithms const& known);

/// These: an environment_error where this command was built without MPI, or libibverbs.
int bench_on_mpi(bench_options const& how, algorithms const& known);
int bench_on_verbs(bench_options const& how, algorithms const& known);

} // namespace chorus::tools
