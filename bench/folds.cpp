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

/// Sets the instruction set of a benchmark's last argument for as long as it runs.
class with_instructions {
public:
    explicit with_instructions(benchmark::State& state) {
        auto const asked = static_cast<set>(state.range(1));
        if (asked > before_) state.SkipWithError("not on this processor");
        else chorus::detail::fold_instructions = asked;
    }
    ~with_instructions() { chorus::detail::fold_instructions = before_; }

private:
    using set = chorus::detail::instruction_set;
    set before_ = chorus::detail::fold_instructions;
};

template <class T, class Op>
void fold(benchmark::State& state) {
    with_instructions const chosen(state);
    auto const bytes = static_cast<std::size_t>(state.range(0));
    auto const from = ones<T>(bytes);
    auto to = ones<T>(bytes);
    auto const kernel = chorus::make_kernel<T>(Op{});
    for (auto _ : state) {
        kernel.fold(to.data(), to.data(), from.data(), to.size());
        benchmark::ClobberMemory();
    }
    report(state);
}

template <class T, int Sources, int Outs, bool Streams = false>
void fold_rows(benchmark::State& state) {
    with_instructions const chosen(state);
    auto const bytes = static_cast<std::size_t>(state.range(0));
    std::vector<std::vector<T>> const buffers(Sources, ones<T>(bytes));
    std::vector<std::vector<T>> results(Outs, ones<T>(bytes));
    void const* sources[Sources];
    void* outs[Outs];
    for (std::size_t j = 0; j < Sources; ++j) sources[j] = buffers[j].data();
    for (std::size_t i = 0; i < Outs; ++i) outs[i] = results[i].data();
    auto const kernel = chorus::make_kernel<T>(std::plus<>{});
    for (auto _ : state) {
        kernel.fold({sources, Sources, outs, Outs, bytes / sizeof(T), false, Streams});
        benchmark::ClobberMemory();
    }
    report(state);
}

void sizes(benchmark::internal::Benchmark* bench) {
    for (auto const bytes : {64, 8 << 10, 256 << 10, 4 << 20, 64 << 20}) bench->Arg(bytes);
}
/// The same on every instruction set (0: base, 1: AVX2).
void sizes_and_sets(benchmark::internal::Benchmark* bench) {
    for (auto const bytes : {64, 8 << 10, 256 << 10, 4 << 20, 64 << 20})
        for (auto const set : {0, 1}) bench->Args({bytes, set});
}

struct triple_sum { // a callable that Chorus does not know
    float operator()(float a, float b) const { return a + 3.0f * b; }
};

BENCHMARK(copy)->Apply(sizes);
BENCHMARK(raw_loop)->Apply(sizes);
BENCHMARK(fold<float, std::plus<>>)->Apply(sizes_and_sets);
BENCHMARK(fold<double, std::plus<>>)->Apply(sizes_and_sets);
BENCHMARK(fold<float, chorus::minimum>)->Apply(sizes_and_sets);
BENCHMARK(fold<int, std::plus<>>)->Apply(sizes_and_sets);
BENCHMARK(fold<std::int64_t, chorus::maximum>)->Apply(sizes_and_sets);
BENCHMARK(fold<chorus::float16, std::plus<>>)->Apply(sizes_and_sets);
BENCHMARK(fold<chorus::bfloat16, std::plus<>>)->Apply(sizes_and_sets);
BENCHMARK(fold<float, triple_sum>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<float, 2, 1, true>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<float, 2, 2>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<float, 2, 2, true>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<float, 4, 1>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<float, 4, 4>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<float, 8, 1>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<chorus::bfloat16, 4, 1>)->Apply(sizes_and_sets);
BENCHMARK(fold_rows<chorus::float16, 4, 1>)->Apply(sizes_and_sets);

} // namespace
