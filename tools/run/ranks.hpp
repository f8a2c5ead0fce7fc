#pragma once
/// The ranks of a job as processes of their own program.

#include <chrono>
#include <string>
#include <vector>

namespace chorus::tools {

/// Which ranks of a job are started here, and where all of them meet: HOST:PORT/KEY (tcp_store), served by whoever starts rank 0. With an
/// empty store they are all of the job.
struct ranks_here {
    static constexpr int nobody = -1, everybody = -2;

    int first = 0;
    int count = 1;
    int of = 1;
    std::string store;
    int reads_input =
        0; ///< the rank that has our standard input, `nobody` or `everybody`; the others read an empty one
    std::chrono::seconds grace{2}; ///< that ranks have to end by themselves
};

/// Starts `program` so many times and waits for all. Signals are passed on. When one rank fails it is named on stderr,
/// and the others are ended after the grace, unless they go on without it (shrink); so are ranks that were asked to end
/// by a signal, and what ranks have left behind. However this ends, SIGKILL included, no process is left below it,
/// wherever it has moved. The exit status is that of the first rank that failed, 128 + n for signal n.
int run_ranks(ranks_here const& which, std::vector<std::string> const& program);

} // namespace chorus::tools
