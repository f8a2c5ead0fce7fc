#pragma once
/// One rank of a job fails at a given moment, in one of the ways in which ranks fail; the others write down what they
/// were told.

#include "memory.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace chorus::testing {

enum class fault : std::uint8_t { killed, stopped, exits, exits_7, throws, aborts };
inline constexpr std::array<std::string_view, 6> fault_names{"killed",   "stopped", "exit(0)",
                                                             "_exit(7)", "throws",  "aborts"};
constexpr std::string_view name(fault what) { return fault_names[static_cast<std::size_t>(what)]; }

struct fault_plan {
    std::uint64_t seed = 0;
    int ranks = 2;
    int victim = 0;
    fault what = fault::killed;
    bool processes = true;
    std::chrono::microseconds after{0}; ///< the start
    std::chrono::milliseconds timeout{0};
};

constexpr std::size_t most_ranks_of_a_round = 8;

/// What a survivor has seen.
struct witness {
    std::atomic<bool> told, shrank, ready; ///< ready: has an exception, and has filled its memory
    bool mismatch;
    int culprit, peer; ///< by the text, and by place_of_failure
    double seconds;    ///< from the fault to the exception
    std::size_t survivors, touched;
    bool right; ///< the survivors are those who should be, and their sum is right
    char text[400], shrink_text[400];
};

/// In memory that the ranks share.
struct round_record {
    std::atomic<int> process;            ///< of the victim
    std::atomic<std::int64_t> struck_at; ///< nanoseconds; 0: not yet
    std::atomic<bool> went_on;           ///< the victim was stopped, and has got an exception since
    std::array<witness, most_ranks_of_a_round> of;
};

inline std::int64_t nanoseconds_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct injected : std::runtime_error {
    injected() : std::runtime_error("an injected fault") {}
};

/// Lives on the victim. What a signal handler may do happens anywhere; `throws` and exit(0) between two calls.
class injection {
public:
    injection(fault_plan const& plan, round_record& record)
        : plan_(plan),
          record_(&record),
          due_(std::chrono::steady_clock::now() + plan.after) {
        record.process = ::getpid();
        if (between_calls()) return;
        armed_ = this;
        struct sigaction action {};
        action.sa_handler = [](int) { armed_->strike(); };
        action.sa_flags = SA_RESTART;
        ::sigaction(SIGALRM, &action, nullptr);
        itimerval timer{};
        timer.it_value.tv_usec = std::max<suseconds_t>(1, plan.after.count());
        ::setitimer(ITIMER_REAL, &timer, nullptr);
    }
    injection(injection const&) = delete;
    injection& operator=(injection const&) = delete;

    /// Called between calls.
    void pass() {
        if (!between_calls() || std::chrono::steady_clock::now() < due_) return;
        record_->struck_at = nanoseconds_now();
        if (plan_.what == fault::exits) std::exit(0);
        throw injected();
    }

private:
    bool between_calls() const { return plan_.what == fault::throws || plan_.what == fault::exits; }
    void strike() {
        record_->struck_at = nanoseconds_now();
        switch (plan_.what) {
        case fault::killed:
            ::raise(SIGKILL);
            break;
        case fault::stopped:
            ::raise(SIGSTOP);
            break;
        case fault::exits_7:
            ::_exit(7);
        case fault::aborts:
            std::abort();
        case fault::exits:
        case fault::throws:
            break;
        }
    }

    static inline injection* armed_ = nullptr; ///< of this process
    fault_plan plan_;
    round_record* record_;
    std::chrono::steady_clock::time_point due_;
};

} // namespace chorus::testing
