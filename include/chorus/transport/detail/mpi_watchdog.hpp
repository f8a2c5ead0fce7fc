#pragma once
/// A deadline for calls of MPI that block and cannot be taken back: its own collectives, the making of communicators, MPI_Finalize.
/// MPI waits in them for ever where a rank never comes or calls something else. A thread looks on and ends the job with a report.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <thread>

namespace chorus::detail {

/// One per process, as MPI is. Calls of MPI come from one thread, and so do those of `begin` and `end`; to be watched costs a few
/// stores. The thread starts with the first call and sleeps for an eighth of the deadline at a time.
class mpi_watchdog {
public:
    using milliseconds = std::chrono::milliseconds;

    static mpi_watchdog& of_this_process() {
        static mpi_watchdog only;
        return only;
    }
    mpi_watchdog(mpi_watchdog const&) = delete;
    mpi_watchdog& operator=(mpi_watchdog const&) = delete;

    /// Watches from here to the end of the scope. `call` names it and must live as long. `ends_job`: otherwise there is the report
    /// alone.
    class watched {
    public:
        watched(char const* call, int rank, milliseconds allowed, bool ends_job = true) : dog_(of_this_process()), outer_(dog_.call_.load(quietly)) {
            if (outer_ == nullptr) dog_.begin(call, rank, allowed, ends_job);
        }
        watched(watched const&) = delete;
        watched& operator=(watched const&) = delete;
        ~watched() {
            if (outer_ == nullptr) dog_.end();
        }

    private:
        mpi_watchdog& dog_;
        char const* outer_; ///< a call within a watched one has that one's deadline
    };

private:
    static constexpr auto quietly = std::memory_order_relaxed;

    mpi_watchdog() = default;

    void begin(char const* call, int rank, milliseconds allowed, bool ends_job) {
        rank_.store(rank, quietly);
        allowed_.store(allowed, quietly);
        ends_job_.store(ends_job, quietly);
        number_.store(number_.load(quietly) + 1, quietly);
        call_.store(call, std::memory_order_release);
        if (!thread_.joinable()) [[unlikely]]
            thread_ = std::jthread([this](std::stop_token const& stop) { look_on(stop); });
    }
    void end() { call_.store(nullptr, std::memory_order_release); }

    /// Takes no time at the beginning of a call, which would cost more than the stores: a call's time runs from the first look at it.
    void look_on(std::stop_token const& stop) {
        std::uint64_t seen = 0, reported = 0;
        auto since = clock::now();
        for (std::unique_lock lock(mutex_); !stop.stop_requested();) {
            auto const tick = std::clamp(allowed_.load(quietly) / 8, milliseconds(10), milliseconds(10'000));
            wake_.wait_for(lock, stop, tick, [] { return false; });
            auto const* const call = call_.load(std::memory_order_acquire);
            auto const number = number_.load(quietly);
            if (call == nullptr || number != seen) {
                seen = number;
                since = clock::now();
            } else if (clock::now() - since > allowed_.load(quietly) && number != reported) {
                reported = number;
                report(call);
            }
        }
    }

    void report(char const* call) {
        auto const ends = ends_job_.load(quietly);
        std::fprintf(stderr,
                     "chorus: rank %d, %s of the MPI library has not ended for %lld ms: some rank never came, or calls something else. It cannot "
                     "be taken back%s\n",
                     rank_.load(quietly), call, static_cast<long long>(allowed_.load(quietly).count()), ends ? ": MPI_Abort." : ".");
        if (!ends) return;
        thread_.detach(); // MPI_Abort may call exit, which would destroy us: this thread would wait for itself
        MPI_Abort(MPI_COMM_WORLD, 3);
        std::_Exit(3);
    }

    std::atomic<char const*> call_{nullptr};
    std::atomic<std::uint64_t> number_{0};
    std::atomic<milliseconds> allowed_{milliseconds(0)};
    std::atomic<int> rank_{0};
    std::atomic<bool> ends_job_{true};
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_; ///< last: ends first
};

} // namespace chorus::detail
