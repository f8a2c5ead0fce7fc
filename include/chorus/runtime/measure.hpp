#pragma once
/// Times of calls that all ranks agree on: what calibration and tuning are made of.

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <vector>

namespace chorus::detail {

inline double seconds_since(clock::time_point start) { return std::chrono::duration<double>(clock::now() - start).count(); }

/// The most over all ranks, entry by entry.
inline void most_of_all(communicator& comm, std::vector<double>& values) { all_reduce(comm, values, maximum{}, tree{}); }

/// Measures for about `budget` seconds, at least four times. Of each iteration the most over the ranks; of all iterations the one
/// below which `quantile` of them lie, well below one half: a busy machine disturbs some, and a median of few may be of those.
/// Each lies between barriers, since a rank that shares its processor would else be charged for what another does next; `before` is
/// called in front of the first one. Gives up after the first three where they took longer than `limit`. Collective, and the result is
/// the same on all ranks.
template <class Before, class Work>
double agreed_seconds(communicator& comm, double budget, double limit, double quantile, Before before, Work work) {
    std::vector<double> times;
    auto const sample = [&](int count) {
        times.clear();
        for (int i = 0; i < count; ++i) {
            before();
            barrier(comm, dissemination{});
            auto const start = clock::now();
            work();
            times.push_back(seconds_since(start));
            barrier(comm, dissemination{});
        }
        most_of_all(comm, times);
        std::sort(times.begin(), times.end());
    };
    before();
    work(); // records, touches memory
    auto const start = clock::now();
    sample(3);
    std::vector<double> whole{seconds_since(start) / 3}; // with barrier and all
    most_of_all(comm, whole);
    if (times.front() > limit) return times.front();
    sample(static_cast<int>(std::clamp(budget / whole.front(), 4.0, 200.0)));
    return times[static_cast<std::size_t>(quantile * static_cast<double>(times.size()))];
}

} // namespace chorus::detail
