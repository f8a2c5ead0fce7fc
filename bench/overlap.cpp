/// How much of an asynchronous all_reduce hides behind computation: without any help, with calls to progress(), and with a
/// progress thread. `hidden_percent` is 100 x (computation alone + collective alone - both at once) / the shorter of the two; 100 is
/// the most there can be. `wire_us` is how long a message travels while no processor works on it. Without a wire the
/// collective is itself work for the processors that compute: there is nothing to hide behind unless some are idle, and a progress
/// thread needs an idle one in any case.

#include "slow_wire.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/progress_thread.hpp>
#include <chorus/runtime/thread_ranks.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

namespace {

enum class help { none, calls, thread };

auto const epoch = chorus::clock::now();
double seconds_between(chorus::clock::time_point start, chorus::clock::time_point end) {
    return std::chrono::duration<double>(end - start).count();
}

/// Arithmetic that touches no memory. Not inlined, so that it takes as long whatever stands around it.
[[gnu::noinline]] double slice(double sum) {
    for (int k = 0; k < 500; ++k) sum = std::sqrt(sum + k);
    return sum;
}
void compute(std::size_t slices, chorus::communicator* progress) {
    double sum = 1;
    for (std::size_t i = 0; i < slices; ++i) {
        sum = slice(sum);
        if (progress != nullptr) progress->progress();
    }
    benchmark::DoNotOptimize(sum);
}

struct times {
    double computation = 0, collective = 0, both = 0;
};

times median_times(chorus::communicator& comm, std::vector<float>& data, help what) {
    constexpr int rounds = 15;
    std::optional<chorus::progress_thread> helper;
    if (what == help::thread) helper.emplace(comm);
    std::vector<double> alone, quiet, both;
    auto const timed = [&](std::vector<double>& into, auto work) {
        chorus::barrier(comm);
        auto const start = chorus::clock::now();
        work();
        // From when the last rank began to when the last one ended: over a wire, ranks do not leave a barrier together.
        std::vector<double> last{seconds_between(epoch, start), seconds_between(epoch, chorus::clock::now())};
        chorus::all_reduce(comm, last, chorus::maximum{});
        into.push_back(last[1] - last[0]);
    };
    auto const median = [](std::vector<double>& of) {
        std::nth_element(of.begin(), of.begin() + rounds / 2, of.end());
        return of[rounds / 2];
    };
    for (int i = 0; i < rounds; ++i) timed(quiet, [&] { chorus::all_reduce(comm, data, chorus::maximum{}); });
    auto const start = chorus::clock::now();
    compute(200, nullptr);
    std::vector<double> one{seconds_between(start, chorus::clock::now()) / 200};
    chorus::all_reduce(comm, one, chorus::maximum{});
    auto const slices = std::max<std::size_t>(1, static_cast<std::size_t>(median(quiet) / one[0])); // about as long as the collective
    for (int i = 0; i < rounds; ++i) {
        timed(alone, [&] { compute(slices, nullptr); });
        timed(both, [&] {
            auto request = chorus::async_all_reduce(comm, data, chorus::maximum{});
            compute(slices, what == help::calls ? &comm : nullptr);
            request.wait();
        });
    }
    return {median(alone), median(quiet), median(both)};
}

void overlap(benchmark::State& state, help what) {
    auto const ranks = static_cast<int>(state.range(0));
    auto const count = static_cast<std::size_t>(state.range(1)) / sizeof(float);
    auto const wire = std::chrono::microseconds(state.range(2));
    auto const sent = std::make_shared<departures>();
    auto const transports = [&](std::shared_ptr<chorus::detail::thread_hub> const& hub, int rank) {
        return chorus::any_transport::own(
            std::make_unique<slow_wire<chorus::threads_transport>>(std::make_unique<chorus::threads_transport>(hub, rank), sent, wire));
    };
    times found;
    for (auto _ : state)
        chorus::detail::run_ranks(ranks, {}, transports, [&](chorus::communicator& comm) {
            std::vector<float> data(count, static_cast<float>(comm.rank()));
            auto const mine = median_times(comm, data, what);
            if (comm.rank() == 0) found = mine;
        });
    state.counters["compute_us"] = 1e6 * found.computation;
    state.counters["collective_us"] = 1e6 * found.collective;
    state.counters["both_us"] = 1e6 * found.both;
    state.counters["hidden_percent"] = 100 * (found.computation + found.collective - found.both) / std::min(found.computation, found.collective);
}

void cases(benchmark::internal::Benchmark* each) {
    each->ArgNames({"ranks", "bytes", "wire_us"})->Iterations(1)->UseRealTime();
    for (int const wire : {0, 500}) each->Args({2, 64 << 10, wire})->Args({2, 4 << 20, wire});
}
BENCHMARK_CAPTURE(overlap, no_help, help::none)->Apply(cases);
BENCHMARK_CAPTURE(overlap, progress_calls, help::calls)->Apply(cases);
BENCHMARK_CAPTURE(overlap, progress_thread, help::thread)->Apply(cases);

} // namespace

BENCHMARK_MAIN();
