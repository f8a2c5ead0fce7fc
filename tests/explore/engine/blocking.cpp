/// What the linker puts in place of the calls by which a program waits, is woken, looks at the time and at processes
/// (--wrap=NAME): for the fibers of a machine the machine does it. All others get what they asked for.

#include "machine.hpp"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>

using chorus::testing::explore::identity;
using chorus::testing::explore::running;

namespace {

// Each rank seems to be a process of its own; what opens it is no descriptor of this process.
constexpr int first_process = 1 << 20;
constexpr int first_descriptor = 1 << 21;

} // namespace

#define WRAPPED(result, name, ...)                                                                                     \
    result __real_##name(__VA_ARGS__);                                                                                 \
    result __wrap_##name(__VA_ARGS__)
#define FROM __builtin_return_address(0)

extern "C" {

WRAPPED(int, pthread_mutex_lock, pthread_mutex_t* mutex) {
    auto* const all = running();
    if (all == nullptr) return __real_pthread_mutex_lock(mutex);
    all->lock(mutex, FROM);
    return 0;
}
WRAPPED(int, pthread_mutex_unlock, pthread_mutex_t* mutex) {
    auto* const all = running();
    if (all == nullptr) return __real_pthread_mutex_unlock(mutex);
    all->unlock(mutex, FROM);
    return 0;
}
WRAPPED(int, pthread_cond_clockwait, pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t which,
        timespec const* until) {
    auto* const all = running();
    if (all == nullptr) return __real_pthread_cond_clockwait(condition, mutex, which, until);
    return all->sleep_unlocked(condition, mutex, FROM) ? 0 : ETIMEDOUT;
}
WRAPPED(void, _ZNSt18condition_variable10notify_oneEv, void* condition) {
    if (auto* const all = running())
        all->wake(condition, false, FROM);
    else
        __real__ZNSt18condition_variable10notify_oneEv(condition);
}
WRAPPED(void, _ZNSt18condition_variable10notify_allEv, void* condition) {
    if (auto* const all = running())
        all->wake(condition, true, FROM);
    else
        __real__ZNSt18condition_variable10notify_allEv(condition);
}
WRAPPED(int, sched_yield, void) {
    auto* const all = running();
    if (all == nullptr) return __real_sched_yield();
    all->yield(FROM);
    return 0;
}
WRAPPED(int, nanosleep, timespec const* how_long, timespec* left) {
    auto* const all = running();
    if (all == nullptr) return __real_nanosleep(how_long, left);
    all->yield(FROM);
    return 0;
}
WRAPPED(std::int64_t, _ZNSt6chrono3_V212steady_clock3nowEv, void) {
    auto* const all = running();
    return all == nullptr ? __real__ZNSt6chrono3_V212steady_clock3nowEv() : all->clock_now();
}
WRAPPED(unsigned, _ZNSt6thread20hardware_concurrencyEv, void) { return 1; } // ranks give way at once
WRAPPED(int, sched_getaffinity, pid_t, std::size_t, cpu_set_t* allowed) {
    CPU_ZERO(allowed);
    CPU_SET(0, allowed);
    return 0;
}
WRAPPED(int, getpid, void) {
    auto const rank = identity();
    return rank < 0 ? __real_getpid() : first_process + rank;
}
WRAPPED(int, close, int file) { return file >= first_descriptor ? 0 : __real_close(file); }
WRAPPED(int, poll, pollfd* files, nfds_t count, int patience) {
    auto* const all = running();
    if (all == nullptr) return __real_poll(files, count, patience);
    int found = 0;
    for (nfds_t i = 0; i < count; ++i) {
        files[i].revents = 0;
        if (files[i].fd < first_descriptor || !all->looks_whether_dead(files[i].fd - first_descriptor, FROM)) continue;
        files[i].revents = POLLIN;
        ++found;
    }
    return found;
}
WRAPPED(long, syscall, long number, long a, long b, long c, long d, long e, long f) {
    if (number == SYS_pidfd_open && identity() >= 0) return first_descriptor + static_cast<int>(a) - first_process;
    auto* const all = running();
    if (all == nullptr) return __real_syscall(number, a, b, c, d, e, f);
    switch (number) {
    case SYS_membarrier:
        return 0; // all steps are in one order already
    case SYS_futex:
        if ((b & FUTEX_CMD_MASK) == FUTEX_WAKE)
            all->wake(reinterpret_cast<std::byte const*>(a) + 1, c > 1, FROM);
        else
            all->sleep_while(reinterpret_cast<std::uint32_t const*>(a), static_cast<std::uint32_t>(c), FROM);
        return 0;
    default:
        return __real_syscall(number, a, b, c, d, e, f);
    }
}

// The compiler leaves these calls of instrumented code as they are.
WRAPPED(void*, memcpy, void* to, void const* from, std::size_t bytes) {
    if (auto* const all = running()) {
        all->before_plain(false, from, bytes, FROM);
        all->before_plain(true, to, bytes, FROM);
    }
    return __real_memcpy(to, from, bytes);
}
WRAPPED(void*, memmove, void* to, void const* from, std::size_t bytes) {
    if (auto* const all = running()) {
        all->before_plain(false, from, bytes, FROM);
        all->before_plain(true, to, bytes, FROM);
    }
    return __real_memmove(to, from, bytes);
}
WRAPPED(void*, memset, void* to, int value, std::size_t bytes) {
    if (auto* const all = running()) all->before_plain(true, to, bytes, FROM);
    return __real_memset(to, value, bytes);
}
}
