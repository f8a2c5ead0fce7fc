#pragma once
/// The order between one who says something often and one who seldom sleeps: between threads, and between processes that share memory.

#ifdef __linux__
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <atomic>

namespace chorus::detail {

/// A barrier with two sides, for "I change the world and look whether you sleep; you say that you sleep and look at the
/// world": one of the two must see the other. The side that runs with every message costs nothing, since the side that goes to
/// sleep has the kernel run a full barrier on the processors of all registered processes (Linux; elsewhere both sides have one).
class uneven_barrier {
public:
    /// Registers this process. All who meet at a barrier must have found the same answer.
    static bool register_process() {
#ifdef __linux__
        return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
#else
        return false;
#endif
    }

    explicit uneven_barrier(bool registered) : registered_(registered) {}
    void light() const {
        if (registered_) std::atomic_signal_fence(std::memory_order_seq_cst);
        else fence();
    }
    void heavy() const {
#ifdef __linux__
        if (registered_) {
            ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0); // a full barrier here, too
            return;
        }
#endif
        fence();
    }

private:
    static void fence() {
#ifndef __SANITIZE_THREAD__ // knows none; without one a sleeper oversleeps until its next look, which is soon
        std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
    }

    bool registered_;
};

} // namespace chorus::detail
