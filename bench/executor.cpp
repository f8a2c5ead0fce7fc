/// What Chorus itself costs: recording a schedule, and running its steps over a transport that does nothing.

#include <chorus/algorithm/all_gather/catalogue.hpp>
#include <chorus/algorithm/all_reduce/catalogue.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/runtime/instance.hpp>

#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <vector>

namespace {

/// Every message has arrived before it is asked for, and carries nothing.
class void_transport {
public:
    static constexpr std::string_view name = "void";
    static constexpr bool gathers = true;

    explicit void_transport(int size) : size_(size) {}
    int rank() const { return 0; }
    int size() const { return size_; }
    bool post_send(int, chorus::exchange const&, std::span<chorus::piece const>, chorus::token) { return true; }
    bool post_recv(int, chorus::exchange const&, std::span<chorus::piece const>, chorus::token) { return true; }
    std::size_t poll(std::span<chorus::completion>) { return 0; }
    void idle(int, chorus::clock::time_point) {}
    std::optional<chorus::transport_failure> failure() { return std::nullopt; }
    void revoke(chorus::transport_failure const&) {}
    bool withdraw() { return true; }

private:
    int size_;
};

chorus::schedule record_named(chorus::collective what, std::string_view name, int ranks, int segments) {
    chorus::call_shape shape;
    shape.what = what;
    shape.ranks = ranks;
    shape.in_place = true;
    shape.segments = segments;
    chorus::choice how;
    how.name = name;
    auto const entries =
        what == chorus::collective::all_reduce
            ? std::span<chorus::catalogue_entry const>(chorus::catalogue<chorus::collective::all_reduce>::entries)
            : std::span<chorus::catalogue_entry const>(chorus::catalogue<chorus::collective::all_gather>::entries);
    return chorus::record(shape, chorus::find(entries, name)->record, how);
}

/// Recording, per step of the schedule.
void recording(benchmark::State& state, std::string_view name) {
    std::size_t steps = 0;
    for (auto _ : state) {
        auto const plan = record_named(chorus::collective::all_reduce, name, static_cast<int>(state.range(0)),
                                       static_cast<int>(state.range(1)));
        steps += plan.steps.size();
        benchmark::DoNotOptimize(plan.steps.data());
    }
    state.counters["per_step"] =
        benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(recording, ring, "ring")->Args({8, 1})->Args({64, 1})->Args({8, 16});
BENCHMARK_CAPTURE(recording, recursive_doubling, "recursive_doubling")->Args({8, 1})->Args({64, 1});
BENCHMARK_CAPTURE(recording, hierarchical, "hierarchical")->Args({8, 1})->Args({64, 1});

/// The executor, per step: posting, completing and following up on messages of one element each.
void executor(benchmark::State& state, chorus::collective what, std::string_view name) {
    auto const ranks = static_cast<int>(state.range(0));
    auto const transport = chorus::any_transport::own(std::make_unique<void_transport>(ranks));
    auto const code = std::make_shared<chorus::program const>(record_named(what, name, ranks, 1));
    chorus::instance run(code, *transport);
    std::plus<> const op;
    chorus::block_lengths lengths;
    lengths.uniform = static_cast<std::size_t>(ranks);
    run.bind(lengths, chorus::make_kernel<float>(op));
    std::vector<float> data(static_cast<std::size_t>(ranks * ranks));
    std::vector<std::byte> scratch(run.scratch_bytes());
    for (auto _ : state) {
        run.start(nullptr, data.data(), scratch.data(), {}, {}, 0);
        benchmark::ClobberMemory();
    }
    state.counters["steps"] = static_cast<double>(code->size());
    auto const steps = static_cast<double>(state.iterations()) * static_cast<double>(code->size());
    state.counters["per_step"] = benchmark::Counter(steps, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(executor, all_gather_ring, chorus::collective::all_gather, "ring")->Arg(2)->Arg(8)->Arg(64);
BENCHMARK_CAPTURE(executor, all_gather_direct, chorus::collective::all_gather, "direct")->Arg(8)->Arg(64);
BENCHMARK_CAPTURE(executor, all_reduce_ring, chorus::collective::all_reduce, "ring")->Arg(2)->Arg(8)->Arg(64);

} // namespace

BENCHMARK_MAIN();
