#pragma once
/// The life of ranks that are processes. Part of run_processes.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/run_processes.hpp>
#include <chorus/runtime/thread_ranks.hpp>
#include <chorus/transport/detail/shm_children.hpp>
#include <chorus/transport/shm.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace chorus::detail {

/// Of what kind an exception was, so that it can be thrown again in another process.
enum class thrown : std::uint32_t { usage, timeout, transport, other };

inline thrown kind_of(std::exception const& what) {
    if (dynamic_cast<usage_error const*>(&what) != nullptr) return thrown::usage;
    if (dynamic_cast<timeout_error const*>(&what) != nullptr) return thrown::timeout;
    if (dynamic_cast<transport_error const*>(&what) != nullptr) return thrown::transport;
    return thrown::other;
}
inline std::exception_ptr make_thrown(thrown kind, std::string const& what) {
    switch (kind) {
    case thrown::usage: return std::make_exception_ptr(usage_error(what));
    case thrown::timeout: return std::make_exception_ptr(timeout_error(what, {}));
    case thrown::transport: return std::make_exception_ptr(transport_error(what, {}));
    default: return std::make_exception_ptr(std::runtime_error(what));
    }
}

/// The life of one rank, in its own process. The exit status says whether it failed; what it threw is in the report.
inline int live(std::shared_ptr<shm_job> const& job, int rank, options const& how, child_report& report, rank_function const& f) {
    std::shared_ptr<context> owner;
    try {
        auto over = std::make_unique<shm_transport>(job, rank, deadline_of(how));
        owner = std::make_shared<context>(any_transport::own(std::move(over)), how);
        communicator comm(owner);
        f(comm);
    } catch (std::exception const& e) {
        report.write(static_cast<std::uint32_t>(kind_of(e)), e.what());
    } catch (...) {
        report.write(static_cast<std::uint32_t>(thrown::other), "an exception that is no std::exception");
    }
    if (owner && report.is_written()) owner->fail(std::make_exception_ptr(std::runtime_error(report.text())));
    else if (report.is_written()) job->revoke({transport_failure::kind::revoked, rank, report.text(), 0, 0}, job->round());
    if (owner) owner->close();
    owner.reset();
    return report.is_written() ? 1 : 0;
}

[[gnu::cold]] CHORUS_INLINE void run_processes(int ranks, options const& how, shm_options const& memory, rank_function const& f) {
    if (ranks < 1) misuse({"run_processes needs at least one rank, not ", ranks});
    patience_of(how); // throws
    auto const job = shm_job::create(ranks, memory);
    child_reports const reports(ranks);
    children all(*job, reports);
    for (int rank = 0; rank < ranks; ++rank)
        all.start(rank, [&] { return live(job, rank, how, reports[rank], f); });
    auto const ended = all.wait();

    // Those who were released have failed too, each with a report; who ended without a word is a cause.
    auto const cause = job->failure();
    auto culprit = ended.first_silent;
    if (culprit < 0 && cause && cause->rank >= 0 && reports[cause->rank].is_written()) culprit = cause->rank;
    if (culprit < 0) culprit = ended.first_failed;
    if (culprit < 0) return;
    auto const& report = reports[culprit];
    if (report.is_written()) throw_rank_error(culprit, make_thrown(static_cast<thrown>(report.kind()), report.text()));
    throw_rank_error(culprit, std::make_exception_ptr(transport_error(ended.how[static_cast<std::size_t>(culprit)], {})));
}

} // namespace chorus::detail
