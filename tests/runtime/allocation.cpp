/// Repeated calls allocate nothing, once every buffer has its size.

#include "support/decorated.hpp"
#include "support/ranks.hpp"
#include "support/sanitized.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/fusion.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace {

thread_local std::size_t allocations = 0; // of this thread

[[maybe_unused]] void* counted(std::size_t bytes, std::size_t alignment) {
    ++allocations;
    auto* const memory = alignment <= alignof(std::max_align_t)
                             ? std::malloc(bytes == 0 ? 1 : bytes)
                             : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

} // namespace

// Sanitizers have allocators of their own: under them the calls only run.
#if !CHORUS_SANITIZED
[[gnu::noinline]] void* operator new(std::size_t bytes) { return counted(bytes, 1); }
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return counted(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Allocations of each rank in `rounds` calls of `step(round)`, after as many to warm up.
template <class Make>
std::vector<std::size_t> allocations_of(int p, options const& how, dress what, Make make) {
    constexpr int rounds = 40;
    std::vector<std::size_t> counts(static_cast<std::size_t>(p));
    run_dressed(p, how, what, 1, [&](communicator& comm) {
        auto step = make(comm);
        auto const play = [&] {
            for (int round = 0; round < rounds; ++round) {
                step(round);
                barrier(comm, dissemination{}); // nobody runs ahead: how much memory that takes is a matter of luck
            }
        };
        play();
        auto const before = allocations;
        play();
        counts[static_cast<std::size_t>(comm.rank())] = allocations - before;
    });
    return counts;
}

/// Everything that a rank needs for one call of each collective.
struct calls {
    communicator& comm;
    std::vector<int> a, b, blocks, more;
    std::vector<std::size_t> counts, displacements, to_each, from_each;
    choice grouped = hierarchical({2, 2});

    explicit calls(communicator& on)
        : comm(on),
          a(1000, 1),
          b(1000),
          blocks(4000),
          more(4000),
          counts(4),
          displacements(4),
          to_each(4),
          from_each(4) {}

    void blocking(int round) {
        all_reduce(comm, a);
        all_reduce(comm, a, b, maximum{}, ring{});
        all_reduce(comm, a, std::plus<>{}, grouped);
        reduce(comm, a, b, std::plus<>{}, round % 4);
        scan(comm, a, b);
        exclusive_scan(comm, a, b);
        broadcast(comm, a, round % 4);
        all_gather(comm, a, blocks);
        all_gather(comm, blocks, tree{});
        gather(comm, a, blocks, round % 4);
        scatter(comm, blocks, a, round % 4);
        reduce_scatter(comm, blocks, a);
        all_to_all(comm, blocks, more);
        all_to_all(comm, blocks, bruck{});
        barrier(comm);
        std::array<int, 1> message{round};
        if (comm.rank() == 0) send(comm, message, 1);
        if (comm.rank() == 1) recv(comm, message, 0);
    }
    void ragged_blocks(int round) {
        std::size_t at = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            counts[i] = (i * 7 + static_cast<std::size_t>(round) * 3) % 40 * 10;
            displacements[i] = at;
            at += counts[i] + 2;
        }
        auto const mine = counts[static_cast<std::size_t>(comm.rank())];
        ragged const shape(counts, displacements);
        all_gather_v(comm, std::span(a).first(mine), blocks, shape);
        reduce_scatter_v(comm, blocks, std::span(a).first(mine), shape);
        gather_v(comm, std::span(a).first(mine), blocks, shape, 1);
        scatter_v(comm, blocks, shape, std::span(a).first(mine), 2);
    }
    template <class How>
    void exchange(int round, How const& how) {
        auto const self = static_cast<std::size_t>(comm.rank());
        auto const between = [&](std::size_t i, std::size_t j) {
            return (i * 5 + j * 3 + static_cast<std::size_t>(round)) % 17 * 20;
        };
        std::size_t out = 0, in = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            out += to_each[i] = between(self, i);
            in += from_each[i] = between(i, self);
        }
        all_to_all_v(comm, std::span(blocks).first(out), to_each, std::span(more).first(in), from_each, how);
    }
    void later(int) {
        auto first = async_all_reduce(comm, a, std::plus<>{}, ring{});
        auto second = async_all_gather(comm, b, blocks);
        auto third = async_barrier(comm);
        second.wait();
        first.wait();
    }
};

} // namespace

TEST_CASE("repeated calls allocate nothing", "[runtime/allocation]") {
    std::vector<std::size_t> const none(4, 0);
    for (auto const what : {dress::plain, dress::unviewed, dress::ungathered}) {
        CAPTURE(name(what));
        auto const check = [&](auto run) {
            return allocations_of(4, patient(), what, [run](communicator& comm) {
                return [all = std::make_shared<calls>(comm), run](int round) { run(*all, round); };
            });
        };
        CHECK(check([](calls& all, int round) { all.blocking(round); }) == none);
        CHECK(check([](calls& all, int round) { all.ragged_blocks(round); }) == none);
        CHECK(check([](calls& all, int round) { all.exchange(round, automatic{}); }) == none);
        CHECK(check([](calls& all, int round) { all.exchange(round, ring{}); }) == none);
        CHECK(check([](calls& all, int round) { all.later(round); }) == none);
    }
}

TEST_CASE("repeated calls in checked mode allocate nothing", "[runtime/allocation]") {
    CHECK(allocations_of(4, patient(true), dress::plain, [](communicator& comm) {
              return [all = std::make_shared<calls>(comm)](int round) { all->blocking(round); };
          }) == std::vector<std::size_t>(4, 0));
}

TEST_CASE("a bucket allocates nothing in rounds that repeat themselves", "[runtime/allocation]") {
    CHECK(allocations_of(4, patient(), dress::plain, [](communicator& comm) {
              struct state {
                  std::vector<float> a = std::vector<float>(70, 1.0f), b = std::vector<float>(500, 1.0f);
                  std::unique_ptr<reduction_bucket<float>> bucket;
              };
              auto const all = std::make_shared<state>();
              all->bucket = std::make_unique<reduction_bucket<float>>(comm, 1000);
              return [all](int) {
                  for (int i = 0; i < 7; ++i) all->bucket->add(all->a);
                  all->bucket->add(all->b);
                  all->bucket->wait();
              };
          }) == std::vector<std::size_t>(4, 0));
}

TEST_CASE("starting persistent collectives allocates nothing", "[runtime/allocation]") {
    for (auto const what : {dress::plain, dress::unviewed, dress::ungathered}) {
        CAPTURE(name(what));
        CHECK(allocations_of(4, patient(), what, [](communicator& comm) {
                  struct state {
                      std::vector<int> data = std::vector<int>(5000, 1), out = std::vector<int>(5000);
                      persistent_request sum, exchange;
                  };
                  auto const all = std::make_shared<state>();
                  all->sum = persistent_all_reduce(comm, all->data, std::plus<>{}, rabenseifner{});
                  all->exchange = persistent_all_to_all(comm, std::span(all->data).first(4000),
                                                        std::span(all->out).first(4000), pairwise{});
                  return [all](int) {
                      all->exchange.start();
                      all->exchange.wait();
                      all->sum.start();
                      all->sum.wait();
                  };
              }) == std::vector<std::size_t>(4, 0));
    }
}
