#pragma once
/// Ranks as threads of this process: no cluster, no launcher.

#include <chorus/runtime/communicator.hpp>
#include <chorus/transport/threads.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

/// What `run_threads` throws where a rank's function has thrown: `rank()` is the first that failed, what() begins with
/// it, and the original exception is nested (std::rethrow_if_nested).
class rank_error : public error, public std::nested_exception {
public:
    rank_error(int rank, std::string const& what) : error("rank " + std::to_string(rank) + ": " + what), rank_(rank) {}
    int rank() const noexcept { return rank_; }

private:
    int rank_;
};

namespace detail {

[[noreturn]] inline void throw_rank_error(int rank, std::exception_ptr const& why) {
    try {
        std::rethrow_exception(why);
    } catch (std::exception const& e) {
        throw rank_error(rank, e.what());
    } catch (...) {
        throw rank_error(rank, "an exception that is no std::exception");
    }
}

/// Runs one rank; returns what it threw. The others are told at once.
template <class F>
std::exception_ptr run_rank(std::shared_ptr<thread_hub> const& hub, int rank, options const& how, F& f) {
    auto const owner = std::make_shared<context>(
        any_transport::own(std::make_unique<threads_transport>(hub, rank)), how);
    try {
        communicator comm(owner);
        f(comm);
        owner->close();
        hub->leave(rank);
        return nullptr;
    } catch (...) {
        owner->fail(std::current_exception());
        owner->close();
        return std::current_exception();
    }
}

} // namespace detail

/// Calls `f(communicator&)` on `ranks` threads of this process and returns when all have returned. Where one throws, the
/// others are released from whatever they wait for, and the first failure is thrown here as a rank_error.
template <class F>
void run_threads(int ranks, options const& how, F f) {
    if (ranks < 1) throw usage_error("chorus: run_threads needs at least one rank, not " + std::to_string(ranks));
    auto const hub = std::make_shared<detail::thread_hub>(ranks);
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(ranks));
    {
        std::vector<std::jthread> threads;
        threads.reserve(failures.size());
        for (int rank = 0; rank < ranks; ++rank)
            threads.emplace_back([&, rank] { failures[static_cast<std::size_t>(rank)] = detail::run_rank(hub, rank, how, f); });
    }
    // Those who were released have failed too: the one who told them is the cause.
    auto const cause = hub->failure();
    auto const failed = [&](int rank) { return failures[static_cast<std::size_t>(rank)] != nullptr; };
    if (cause && failed(cause->rank)) detail::throw_rank_error(cause->rank, failures[static_cast<std::size_t>(cause->rank)]);
    for (int rank = 0; rank < ranks; ++rank)
        if (failed(rank)) detail::throw_rank_error(rank, failures[static_cast<std::size_t>(rank)]);
}
template <class F>
void run_threads(int ranks, F f) {
    run_threads(ranks, options{}, std::move(f));
}

} // namespace chorus
