/// The threads transport and a whole collective on it: latency and bandwidth between two ranks.

#include <chorus/chorus.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace {

using seconds = std::chrono::duration<double>;

/// Times 200 calls of `step(comm)` on two ranks; the slower rank counts.
template <class Step>
void timed_pair(benchmark::State& state, std::size_t bytes, Step step) {
    constexpr int repeats = 200;
    for (auto _ : state) {
        double slowest = 0;
        chorus::run_threads(2, [&](chorus::communicator& comm) {
            std::vector<std::byte> data(bytes);
            for (int i = 0; i < 20; ++i) step(comm, data);
            chorus::barrier(comm);
            auto const begin = std::chrono::steady_clock::now();
            for (int i = 0; i < repeats; ++i) step(comm, data);
            std::vector<double> took{seconds(std::chrono::steady_clock::now() - begin).count()};
            chorus::all_reduce(comm, took, chorus::maximum{});
            if (comm.rank() == 0) slowest = took[0];
        });
        state.SetIterationTime(slowest);
    }
    auto const calls = state.iterations() * repeats;
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * calls);
    state.counters["per_call"] = benchmark::Counter(static_cast<double>(calls), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void ping_pong(benchmark::State& state) {
    timed_pair(state, static_cast<std::size_t>(state.range(0)),
               [](chorus::communicator& comm, std::vector<std::byte>& data) {
                   auto const peer = 1 - comm.rank();
                   if (comm.rank() == 0) {
                       chorus::send(comm, data, peer);
                       chorus::recv(comm, data, peer);
                   } else {
                       chorus::recv(comm, data, peer);
                       chorus::send(comm, data, peer);
                   }
               });
}
BENCHMARK(ping_pong)->RangeMultiplier(16)->Range(8, 16 << 20)->UseManualTime();

void all_reduce(benchmark::State& state) {
    timed_pair(
        state, static_cast<std::size_t>(state.range(0)), [](chorus::communicator& comm, std::vector<std::byte>& data) {
            chorus::all_reduce(comm, std::span(reinterpret_cast<float*>(data.data()), data.size() / sizeof(float)),
                               std::plus<>{});
        });
}
BENCHMARK(all_reduce)->RangeMultiplier(16)->Range(8, 16 << 20)->UseManualTime();

} // namespace

BENCHMARK_MAIN();
