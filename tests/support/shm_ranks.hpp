#pragma once
/// Ranks over the shared-memory transport, as processes and as threads of this one (which the sanitizers see through).

#include "ranks.hpp"

#include <chorus/runtime/context.hpp>
#include <chorus/runtime/run_processes.hpp>
#include <chorus/transport/erased.hpp>
#include <chorus/transport/shm.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace chorus::testing {

/// Calls f(communicator&) in threads of this process that talk as if they were processes. Returns what each has thrown.
template <class F>
std::vector<std::string> run_shm_threads(int ranks, options const& how, F f, shm_options const& memory = {}) {
    auto const job = detail::shm_job::create(ranks, memory);
    std::vector<std::string> wrong(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank)
        threads.emplace_back([&, rank] {
            auto over = std::make_unique<shm_transport>(job, rank, clock::now() + how.timeout);
            auto const owner = std::make_shared<context>(any_transport::own(std::move(over)), how);
            try {
                communicator comm(owner);
                f(comm);
            } catch (std::exception const& e) {
                owner->fail(std::current_exception());
                wrong[static_cast<std::size_t>(rank)] = e.what();
            }
            owner->close();
        });
    for (auto& each : threads) each.join();
    return wrong;
}

/// The first that was thrown by a rank in a process of its own, as text; empty where nothing was.
template <class F>
std::string thrown_by_processes(int ranks, options const& how, F f, shm_options const& memory = {}) {
    try {
        run_processes(ranks, how, memory, f);
    } catch (std::exception const& e) {
        return e.what();
    }
    return {};
}

} // namespace chorus::testing
