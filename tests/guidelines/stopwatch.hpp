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
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <set>
#include <span>
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

inline void time_calls(communicator& comm, std::span<timed_call const> calls, int rounds, std::span<double> least) {
    pin(comm.rank());
    std::size_t most = 0;
    for (auto const& each : calls) most = std::max(most, each.count);
    std::vector<float> in(most, 1.0f), out(most);
    auto const iterations = [](timed_call const& call) { return call.count <= 16384 ? 6 : 1; };
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round)
        for (auto const& call : calls)
            for (int i = 0; i < iterations(call); ++i) {
                std::fill_n(in.begin(), call.count, static_cast<float>(round % 4));
                barrier(comm);
                auto const start = std::chrono::steady_clock::now();
                call_once(comm, call, in, out);
                times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
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
