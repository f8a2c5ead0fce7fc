#pragma once
/// The measurement itself: the same on all ranks, whatever they run on.

#include "algorithms.hpp"
#include "job.hpp"
#include "options.hpp"

#include <chorus/runtime/communicator.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus::tools {

/// A line of the result.
struct measurement {
    collective what = collective::all_reduce;
    std::string algorithm; ///< as asked for
    std::string chosen;    ///< what ran
    int ranks = 1;
    std::size_t bytes = 0;
    std::size_t iterations = 0;
    double min_us = 0, median_us = 0, p99_us = 0;
    double alg_GBps = 0, bus_GBps = 0;
    double bound_percent = 0; ///< of the bound's time in the median
    bool correct = false;
};

/// Hears what happens, on rank 0.
class listener {
public:
    virtual ~listener() = default;
    virtual void starts(int ranks) = 0;
    virtual void skipped(std::string const& why) = 0;
    virtual void progress(std::size_t done, std::size_t rows, std::string const& next) = 0;
    /// `samples`: microseconds, per iteration the most over all ranks.
    virtual void measured(measurement const& line, std::span<double const> samples) = 0;
};

/// The factor from algorithm bandwidth to bus bandwidth (nccl-tests, doc/PERFORMANCE.md).
double bus_factor(collective what, int ranks);

class bench {
public:
    /// `hears` is null on all ranks but 0.
    bench(communicator& comm, bench_options const& how, algorithms const& known, listener* hears);

    /// Measures everything. A usage_error if the options do not fit the number of ranks. True if all was correct.
    bool run();

private:
    struct row {
        collective what;
        std::string algorithm;
        choice how;
        std::size_t bytes;
    };
    std::vector<row> plan();
    choice choice_for(std::string const& algorithm) const;
    bool can_cut(collective what, std::size_t bytes);
    void skip(std::string const& why);

    void measure(row const& what);
    bool verified(job& on);
    template <class Work>
    double timed(Work work);
    double compared(job& on, std::size_t turn);
    double bound_us(job& on, std::size_t bytes);
    template <class Work>
    std::size_t iterations_for(job& on, double seconds, Work work);
    /// Seconds per iteration, the most over all ranks.
    template <class Work>
    std::vector<double> sample(job& on, std::size_t iterations, Work work);
    double message_latency();

    operation tool_call(collective what, std::string_view algorithm, kernel const& fold) const;
    void barrier();
    void most_of_all(std::vector<double>& values);
    std::size_t as_rank_0_says(std::size_t value);

    communicator& comm_;
    bench_options const& how_;
    algorithms const& known_;
    listener* hears_;
    arena input_, output_;
    element_type const* type_;
    operation barrier_;
    double latency_ = 0;                                   ///< seconds
    std::map<std::pair<int, std::size_t>, double> memory_; ///< by what is touched, and bytes: seconds
    std::set<std::string> said_;
    bool all_correct_ = true;
    bool any_measured_ = false;
    std::uint64_t wrong_ = 0; ///< results of this rank, of the row at hand
};

} // namespace chorus::tools
