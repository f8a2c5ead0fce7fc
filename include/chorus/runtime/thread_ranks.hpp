#pragma once
/// The life of ranks that are threads. Part of run_threads.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/run_threads.hpp>
#include <chorus/transport/threads.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace chorus::detail {

[[noreturn, gnu::cold]] inline void throw_rank_error(int rank, std::exception_ptr const& why) {
    try {
        std::rethrow_exception(why);
    } catch (std::exception const& e) {
        throw rank_error(rank, e.what());
    } catch (...) {
        throw rank_error(rank, "an exception that is no std::exception");
    }
}

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
    patience_of(how); // throws
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
        hub->revoke({transport_failure::kind::broken, -1, e.what(), 0, 0}, hub->rounds());
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

#if CHORUS_DEFINE
[[gnu::cold]] CHORUS_INLINE void run_threads(int ranks, options const& how, rank_function const& f) {
    auto const threads = [](std::shared_ptr<thread_hub> const& hub, int rank) {
        return any_transport::own(std::make_unique<threads_transport>(hub, rank));
    };
    run_ranks(ranks, how, threads, f);
}
#endif

} // namespace chorus::detail
