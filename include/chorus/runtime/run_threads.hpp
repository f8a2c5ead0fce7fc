#pragma once
/// Ranks as threads of this process: no cluster, no launcher.

#include <chorus/runtime/communicator.hpp>
#include <chorus/transport/threads.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

/// What `run_threads` throws where a rank's function has thrown: `rank()` is the first that failed, what() begins with
/// it, and the original exception is nested (std::rethrow_if_nested).
class rank_error : public error, public std::nested_exception {
public:
    [[gnu::cold]] rank_error(int rank, std::string_view what) : error(detail::text({"rank ", rank, ": ", what})), rank_(rank) {}
    int rank() const noexcept { return rank_; }

private:
    int rank_;
};

namespace detail {

[[noreturn, gnu::cold]] inline void throw_rank_error(int rank, std::exception_ptr const& why) {
    try {
        std::rethrow_exception(why);
    } catch (std::exception const& e) {
        throw rank_error(rank, e.what());
    } catch (...) {
        throw rank_error(rank, "an exception that is no std::exception");
    }
}

using rank_function = std::function<void(communicator&)>;
using transport_maker = std::function<std::unique_ptr<any_transport>(std::shared_ptr<thread_hub> const&, int rank)>;

/// Runs one rank; returns what it threw. The others are told at once.
inline std::exception_ptr run_rank(thread_hub& hub, std::unique_ptr<any_transport> over, options const& how, rank_function const& f) {
    auto const rank = over->rank();
    auto const owner = std::make_shared<context>(std::move(over), how);
    try {
        communicator comm(owner);
        f(comm);
    } catch (...) {
        owner->fail(std::current_exception());
        owner->close();
        return std::current_exception();
    }
    auto const failed_before = owner->failed(); // and was caught by f
    owner->close();
    hub.leave(rank);
    return failed_before ? nullptr : owner->first_failure();
}

/// `run_threads` with transports of the caller's.
[[gnu::cold]] inline void run_ranks(int ranks, options const& how, transport_maker const& make, rank_function const& f) {
    if (ranks < 1) misuse({"run_threads needs at least one rank, not ", ranks});
    auto const hub = std::make_shared<thread_hub>(ranks);
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    threads.reserve(failures.size());
    std::exception_ptr no_more_threads;
    try {
        for (int rank = 0; rank < ranks; ++rank)
            threads.emplace_back([&, rank, over = make(hub, rank)]() mutable {
                failures[static_cast<std::size_t>(rank)] = run_rank(*hub, std::move(over), how, f);
            });
    } catch (std::exception const& e) {
        no_more_threads = std::current_exception();
        hub->revoke({transport_failure::kind::broken, -1, e.what(), 0, 0});
    }
    for (auto& each : threads) each.join();
    if (no_more_threads) std::rethrow_exception(no_more_threads);

    // Those who were released have failed too: the one who told them is the cause.
    auto const cause = hub->failure();
    auto const failed = [&](int rank) { return rank >= 0 && failures[static_cast<std::size_t>(rank)] != nullptr; };
    if (cause && failed(cause->rank)) throw_rank_error(cause->rank, failures[static_cast<std::size_t>(cause->rank)]);
    for (int rank = 0; rank < ranks; ++rank)
        if (failed(rank)) throw_rank_error(rank, failures[static_cast<std::size_t>(rank)]);
}

} // namespace detail

/// Calls `f(communicator&)` on `ranks` threads of this process and returns when all have returned. Where one throws, the
/// others are released from whatever they wait for, and the first failure is thrown here as a rank_error.
template <class F>
void run_threads(int ranks, options const& how, F f) {
    auto const threads = [](std::shared_ptr<detail::thread_hub> const& hub, int rank) {
        return any_transport::own(std::make_unique<threads_transport>(hub, rank));
    };
    detail::run_ranks(ranks, how, threads, std::ref(f));
}
template <class F>
void run_threads(int ranks, F f) {
    run_threads(ranks, options{}, std::move(f));
}

} // namespace chorus
