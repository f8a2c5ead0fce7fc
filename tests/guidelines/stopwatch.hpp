#pragma once
/// Times of collectives beside each other: all alternate in one run, the most over all ranks, the least of many iterations, which is
/// what a machine that does other things, too, disturbs least.

#include "support/ranks.hpp"

#include <chorus/chorus.hpp>

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::testing {

/// A collective on so many ranks; `count` floats are the whole vector, all blocks together.
struct timed_call {
    collective what;
    int ranks;
    std::size_t count;
    auto operator<=>(timed_call const&) const = default;
};

inline std::string text_of(timed_call const& call) {
    return std::string(name(call.what)) + " of " + std::to_string(call.count * sizeof(float)) + " bytes on " + std::to_string(call.ranks) + " ranks";
}

enum class ranks_are { threads, processes };

inline int usable_processors() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    return std::max(1, CPU_COUNT(&allowed));
}

/// Keeps this thread on a processor of its own, as long as there are enough: on a busy machine the system puts both of two ranks on
/// one, and leaves them there.
inline void pin(int rank) {
    cpu_set_t allowed, one;
    CPU_ZERO(&allowed);
    CPU_ZERO(&one);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    auto left = rank % usable_processors();
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed) && left-- == 0) CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

namespace detail {

/// Memory that processes forked from here write into, too.
class shared_times {
public:
    explicit shared_times(std::size_t count) : count_(count) {
        auto* const memory = ::mmap(nullptr, count * sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<double*>(memory);
    }
    shared_times(shared_times const&) = delete;
    shared_times& operator=(shared_times const&) = delete;
    ~shared_times() { ::munmap(data_, count_ * sizeof(double)); }
    std::span<double> all() const { return {data_, count_}; }

private:
    double* data_;
    std::size_t count_;
};

inline void call_once(communicator& comm, timed_call const& call, std::span<float> in, std::span<float> out) {
    auto const block = call.count / static_cast<std::size_t>(call.ranks);
    auto const whole_in = in.first(call.count), whole_out = out.first(call.count);
    switch (call.what) {
    case collective::all_reduce: return all_reduce(comm, whole_in, whole_out);
    case collective::reduce: return reduce(comm, whole_in, whole_out, std::plus<>{}, 0);
    case collective::broadcast: return broadcast(comm, whole_out, 0);
    case collective::reduce_scatter: return reduce_scatter(comm, whole_in, out.first(block));
    case collective::all_gather: return all_gather(comm, in.first(block), whole_out);
    case collective::gather: return gather(comm, in.first(block), whole_out, 0);
    case collective::scatter: return scatter(comm, whole_in, out.first(block), 0);
    case collective::all_to_all: return all_to_all(comm, whole_in, whole_out);
    default: throw std::invalid_argument("not timed: " + std::string(name(call.what)));
    }
}

/// What a rank contributes at place `i`: numbers that follow no period, others in every iteration, with exact sums.
/// `weight`: rank + 1.
inline float contribution(std::size_t weight, std::size_t i, std::uint32_t iteration) {
    auto const number = (static_cast<std::uint32_t>(i) + iteration * 40503u) * 2654435761u >> 26;
    return static_cast<float>(number * static_cast<std::uint32_t>(weight));
}
inline void contribute(timed_call const& call, int rank, std::uint32_t iteration, std::span<float> in,
                       std::span<float> out) {
    if (call.what == collective::broadcast && rank != 0) return;
    auto const to = call.what == collective::broadcast ? out : in;
    for (std::size_t i = 0; i < call.count; ++i) to[i] = contribution(static_cast<std::size_t>(rank) + 1, i, iteration);
}

/// How many elements of a rank's result are not what all ranks' contributions make them.
inline std::size_t wrong_elements(timed_call const& call, int rank, std::uint32_t iteration,
                                  std::span<float const> out) {
    auto const p = static_cast<std::size_t>(call.ranks), self = static_cast<std::size_t>(rank), block = call.count / p;
    auto const of_all = p * (p + 1) / 2;
    auto const compare = [&](std::size_t at, std::size_t count, std::size_t weight, std::size_t from) {
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < count; ++i)
            wrong += out[at + i] != contribution(weight, from + i, iteration) ? 1 : 0;
        return wrong;
    };
    auto const compare_blocks = [&](std::size_t from) {
        std::size_t wrong = 0;
        for (std::size_t sender = 0; sender < p; ++sender) wrong += compare(sender * block, block, sender + 1, from);
        return wrong;
    };
    switch (call.what) {
    case collective::all_reduce:
        return compare(0, call.count, of_all, 0);
    case collective::reduce:
        return rank == 0 ? compare(0, call.count, of_all, 0) : 0;
    case collective::broadcast:
        return compare(0, call.count, 1, 0);
    case collective::reduce_scatter:
        return compare(0, block, of_all, self * block);
    case collective::scatter:
        return compare(0, block, 1, self * block);
    case collective::gather:
        return rank == 0 ? compare_blocks(0) : 0;
    case collective::all_gather:
        return compare_blocks(0);
    case collective::all_to_all:
        return compare_blocks(self * block);
    default:
        throw std::invalid_argument("not timed: " + std::string(name(call.what)));
    }
}

/// Times the calls; what each iteration gives is compared as a whole, outside of the time, and an exception where it is
/// wrong.
inline void time_calls(communicator& comm, std::span<timed_call const> calls, int rounds, std::span<double> least) {
    pin(comm.rank());
    std::size_t most = 0;
    for (auto const& each : calls) most = std::max(most, each.count);
    std::vector<float> in(most), out(most);
    auto const iterations = [](timed_call const& call) { return call.count <= 16384 ? 6 : 1; };
    std::vector<double> times;
    std::uint32_t iteration = 0;
    for (int round = 0; round < rounds; ++round)
        for (auto const& call : calls)
            for (int i = 0; i < iterations(call); ++i, ++iteration) {
                contribute(call, comm.rank(), iteration, in, out);
                barrier(comm);
                auto const start = std::chrono::steady_clock::now();
                call_once(comm, call, in, out);
                times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
                if (auto const wrong = wrong_elements(call, comm.rank(), iteration, out); wrong > 0)
                    throw std::runtime_error(text_of(call) + ": " + std::to_string(wrong) + " elements of rank " +
                                             std::to_string(comm.rank()) + " are wrong");
                barrier(comm); // a rank that shares its processor would else be charged for what the other one writes for the next call
            }
    all_reduce(comm, times, maximum{});
    if (comm.rank() != 0) return;
    std::fill(least.begin(), least.end(), std::numeric_limits<double>::max());
    auto next = times.begin();
    for (int round = 0; round < rounds; ++round)
        for (std::size_t c = 0; c < calls.size(); ++c)
            for (int i = 0; i < iterations(calls[c]); ++i) least[c] = std::min(least[c], *next++);
}

} // namespace detail

/// The least microseconds of each call; measured again, the lesser of both.
class stopwatch {
public:
    explicit stopwatch(ranks_are how) : how_(how) {}

    void measure(std::set<timed_call> const& calls, int rounds) {
        std::map<int, std::vector<timed_call>> by_ranks;
        for (auto const& each : calls) by_ranks[each.ranks].push_back(each);
        for (auto const& each : by_ranks) {
            auto const ranks = each.first;
            auto const& mine = each.second;
            detail::shared_times const least(mine.size());
            auto const work = [&](communicator& comm) { detail::time_calls(comm, mine, rounds, least.all()); };
            if (how_ == ranks_are::threads) run_threads(ranks, patient(), work);
            else run_processes(ranks, patient(), work);
            for (std::size_t i = 0; i < mine.size(); ++i) {
                auto const [known, is_new] = least_.try_emplace(mine[i], least.all()[i]);
                if (!is_new) known->second = std::min(known->second, least.all()[i]);
            }
        }
    }
    double of(timed_call const& call) const { return least_.at(call); }

private:
    ranks_are how_;
    std::map<timed_call, double> least_;
};

} // namespace chorus::testing
