#pragma once
/// The ranks of a job as processes of their own program.

#include <string>
#include <vector>

namespace chorus::tools {

/// Which ranks of a job are started here, and where all of them meet: HOST:PORT/KEY (tcp_store), served by whoever starts rank 0. With an
/// empty store they are all of the job.
struct ranks_here {
    int first = 0;
    int count = 1;
    int of = 1;
    std::string store;
};

/// Starts `program` so many times and waits for all. Signals that end a program are passed on. When one rank dies the others are
/// ended, and the culprit is named on stderr. The exit status is that of the first rank that failed, 128 + n for signal n.
int run_ranks(ranks_here const& which, std::vector<std::string> const& program);

} // namespace chorus::tools
