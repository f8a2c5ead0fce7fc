/// Folds beside a raw loop and the copy bandwidth, at sizes that lie in L1, L2, L3 and memory.
///
/// Bytes per second count what a fold produces (its result), so that a fold and a copy of the same buffer compare
/// directly: a fold of k sources reads k bytes where a copy reads one.

#include <chorus/kernel/kernel.hpp>

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

namespace {

template <class T>
std::vector<T> ones(std::size_t bytes) {
    return std::vector<T>(bytes / sizeof(T), static_cast<T>(1.0f));
}

void report(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void copy(benchmark::State& state) {
    auto const bytes = static_cast<std::size_t>(state.range(0));
    auto const from = ones<float>(bytes);
    auto to = ones<float>(bytes);
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), bytes);
        benchmark::ClobberMemory();
    }
    report(state);
}

/// What a user would write by hand, as this file's optimisation level compiles it.
void raw_loop(benchmark::State& state) {
    auto const bytes = static_cast<std::size_t>(state.range(0));
    auto const from = ones<float>(bytes);
    auto to = ones<float>(bytes);
    auto* const out = to.data();
    auto const* const in = from.data();
    for (auto _ : state) {
        for (std::size_t i = 0; i < bytes / sizeof(float); ++i) out[i] = out[i] + in[i];
        benchmark::ClobberMemory();
    }
    report(state);
}

template <class T, class Op>
void fold(benchmark::State& state) {
    auto const bytes = static_cast<std::size_t>(state.range(0));
    auto const from = ones<T>(bytes);
    auto to = ones<T>(bytes);
    auto const kernel = chorus::make_kernel<T>(Op{});
    for (auto _ : state) {
        kernel.fold(kernel.op, to.data(), to.data(), from.data(), to.size());
        benchmark::ClobberMemory();
    }
    report(state);
}

template <class T, int K>
void fold_many(benchmark::State& state) {
    auto const bytes = static_cast<std::size_t>(state.range(0));
    std::vector<std::vector<T>> const buffers(K, ones<T>(bytes));
    auto to = ones<T>(bytes);
    void const* sources[K];
    for (std::size_t j = 0; j < K; ++j) sources[j] = buffers[j].data();
    auto const kernel = chorus::make_kernel<T>(std::plus<>{});
    for (auto _ : state) {
        kernel.fold_many(kernel.op, to.data(), sources, K, to.size());
        benchmark::ClobberMemory();
    }
    report(state);
}

void sizes(benchmark::internal::Benchmark* bench) {
    for (auto const bytes : {64, 8 << 10, 256 << 10, 4 << 20, 64 << 20}) bench->Arg(bytes);
}

struct triple_sum { // a callable that Chorus does not know
    float operator()(float a, float b) const { return a + 3.0f * b; }
};

BENCHMARK(copy)->Apply(sizes);
BENCHMARK(raw_loop)->Apply(sizes);
BENCHMARK(fold<float, std::plus<>>)->Apply(sizes);
BENCHMARK(fold<double, std::plus<>>)->Apply(sizes);
BENCHMARK(fold<float, chorus::minimum>)->Apply(sizes);
BENCHMARK(fold<int, std::plus<>>)->Apply(sizes);
BENCHMARK(fold<std::int64_t, chorus::maximum>)->Apply(sizes);
BENCHMARK(fold<chorus::float16, std::plus<>>)->Apply(sizes);
BENCHMARK(fold<chorus::bfloat16, std::plus<>>)->Apply(sizes);
BENCHMARK(fold<float, triple_sum>)->Apply(sizes);
BENCHMARK(fold_many<float, 2>)->Apply(sizes);
BENCHMARK(fold_many<float, 4>)->Apply(sizes);
BENCHMARK(fold_many<float, 8>)->Apply(sizes);
BENCHMARK(fold_many<chorus::bfloat16, 4>)->Apply(sizes);

} // namespace
