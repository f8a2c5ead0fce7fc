/// Random delays before every atomic access of the program: most accesses none, some a few hundred cycles, some the
/// processor, few up to a tenth of a millisecond of sleep. CHORUS_DELAY_SEED says which; without it a new one is taken,
/// and printed.

#include "accesses.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace {

std::uint64_t first_seed() {
    auto const* const given = std::getenv("CHORUS_DELAY_SEED");
    std::uint64_t const seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::fprintf(stderr, "random delays: CHORUS_DELAY_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
}

std::uint64_t salt = 0; // of a forked process, which has its parent's streams

std::uint64_t roll() {
    static bool const forks_are_told =
        ::pthread_atfork(nullptr, nullptr, [] { salt = static_cast<std::uint64_t>(::getpid()); }) == 0;
    static_cast<void>(forks_are_told);
    static std::atomic<std::uint64_t> next_stream{first_seed()};
    thread_local auto state = next_stream.fetch_add(0x9e3779b97f4a7c15u, std::memory_order_relaxed);
    auto x = (state += 0x9e3779b97f4a7c15u) ^ salt << 40; // splitmix64
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

} // namespace

namespace chorus::testing {

void before_atomic(access, void const*, int, void const*) {
    auto const dice = roll();
    auto const size = static_cast<unsigned>(dice >> 32);
    switch (dice % 1024) {
    case 0: {
        timespec const nap{0, static_cast<long>(size % 100'000)};
        ::nanosleep(&nap, nullptr);
        break;
    }
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        ::sched_yield();
        break;
    default:
        if (dice % 16 == 15)
            for (unsigned volatile spins = size % 300; spins > 0;) spins = spins - 1;
    }
}
void after_atomic(access, void const*, int, bool) {}
void before_plain(bool, void const*, std::size_t, void const*) {}

} // namespace chorus::testing
