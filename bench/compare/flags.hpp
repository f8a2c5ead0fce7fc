#pragma once
/// A barrier of flags in memory that the ranks of one job share, and where a rank is kept. The same for every library, so that none is
/// measured with its own barrier.

#include <fcntl.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>

namespace compare {

/// What a rank does that waits for another. Outside of what is timed, but what it keeps from running is not: one that spins or yields
/// in the barrier keeps its processor for milliseconds from one that the library has put to sleep.
enum class waiting {
    spins,  ///< ranks have their processors for themselves
    yields, ///< they share them, and nobody sleeps
    sleeps, ///< they share them with each other or with the library's own threads
};

/// Keeps the calling thread on the (rank mod processors)-th processor that it may use; returns how ranks should wait.
inline waiting pin(int rank, int ranks) {
    cpu_set_t allowed, one;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    auto const processors = CPU_COUNT(&allowed);
    CPU_ZERO(&one);
    auto left = rank % processors;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed) && left-- == 0) CPU_SET(cpu, &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
    return ranks > processors ? waiting::sleeps : waiting::spins;
}

/// One counter per rank, each on a cache line of its own. The release store of `arrive` orders what its rank wrote before what
/// another rank reads after it has seen the counter; between processes as between threads, since the page is the same.
class flags {
public:
    static constexpr std::size_t most_ranks = 64;
    static constexpr std::size_t bytes = 64 * most_ranks;

    flags(void* memory, int rank, int ranks, waiting how) : lines_(static_cast<line*>(memory)), rank_(rank), ranks_(ranks), how_(how) {}

    void barrier() {
        ++round_;
        at(rank_).store(round_, std::memory_order_release);
        if (how_ == waiting::sleeps) ::syscall(SYS_futex, &at(rank_), FUTEX_WAKE, std::numeric_limits<int>::max(), nullptr, nullptr, 0);
        for (int other = 0; other < ranks_; ++other) wait_for(other, round_);
    }

    /// Between ranks 0 and 1: `trips` times there and back. All ranks call it, and count alike afterwards.
    void ping(int trips) {
        for (int i = 0; i < trips; ++i) {
            if (rank_ == 1) wait_for(0, round_ + 1);
            ++round_;
            if (rank_ > 1) continue;
            at(rank_).store(round_, std::memory_order_release);
            if (rank_ == 0) wait_for(1, round_);
        }
    }

private:
    struct alignas(64) line {
        std::atomic<std::uint32_t> value;
    };
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

    std::atomic<std::uint32_t>& at(int rank) { return lines_[rank].value; }
    void wait_for(int other, std::uint32_t round) {
        std::uint64_t const patience = how_ == waiting::spins ? 20'000 : 50;
        std::chrono::steady_clock::time_point since{};
        for (std::uint64_t spins = 0;; ++spins) {
            auto const seen = at(other).load(std::memory_order_acquire);
            if (seen >= round) return;
            if (spins == patience) since = std::chrono::steady_clock::now();
            if (spins < patience) _mm_pause();
            else if (how_ != waiting::sleeps) ::sched_yield();
            else sleep(at(other), seen);
            if (spins > patience && spins % 1024 == 0 && is_late(since)) throw std::runtime_error("rank " + std::to_string(other) + " is not coming any more");
        }
    }
    /// Nobody is late by so much who has not lost its driver.
    static bool is_late(std::chrono::steady_clock::time_point since) { return std::chrono::steady_clock::now() - since > std::chrono::seconds(60); }
    /// Until the flag has changed, or for a millisecond. Between processes: no FUTEX_PRIVATE_FLAG.
    static void sleep(std::atomic<std::uint32_t>& flag, std::uint32_t seen) {
        timespec const most{0, 1'000'000};
        ::syscall(SYS_futex, &flag, FUTEX_WAIT, seen, &most, nullptr, 0);
    }

    line* lines_;
    int rank_, ranks_;
    waiting how_;
    std::uint32_t round_ = 0;
};

/// The driver's nameless file of flags, which it names by its own descriptor (/proc/PID/fd/N).
inline void* map_flags(std::string const& path) {
    auto const file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) throw std::system_error(errno, std::generic_category(), path);
    auto* const memory = ::mmap(nullptr, flags::bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
    return memory;
}

} // namespace compare
