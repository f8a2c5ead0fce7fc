#pragma once
/// Sleeping and being woken between processes that share memory.
///
/// The words are std::atomic in shared pages: lock-free atomics work on memory, not on a process, so the memory model holds
/// between processes as it does between threads. The futex calls are those without FUTEX_PRIVATE_FLAG, which the kernel finds
/// by page and not by address.

#include <chorus/transport/transport.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace chorus::detail {

static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint32_t>) == 4);

/// Sleeps while the word has this value, at most until then. May wake for no reason.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value, clock::time_point until) {
    auto const now = clock::now();
    if (until <= now) return; // compared first: `until` may be as early as can be
    auto const left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now).count();
    timespec const most{static_cast<std::time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &most, nullptr, 0);
}
inline void futex_wake_all(std::atomic<std::uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace chorus::detail
