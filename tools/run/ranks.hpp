#pragma once
/// The ranks of a job as processes of their own program.

#include <string>
#include <vector>

namespace chorus::tools {

/// Starts `program` so many times and waits for all. Signals that end a program are passed on. When one rank dies the others are
/// ended, and the culprit is named on stderr. The exit status is that of the first rank that failed, 128 + n for signal n.
int run_ranks(int ranks, std::vector<std::string> const& program);

} // namespace chorus::tools
