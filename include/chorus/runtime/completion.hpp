#pragma once
/// How tasks and contexts end: recycling, completion callbacks, failure, renewal. Part of context.hpp.

#include <chorus/runtime/context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chorus {

[[gnu::cold]] inline void context::when_done(detail::task& what, std::function<void()> then) {
    if (what.then) detail::misuse({"this request has a completion callback already"});
    if (failure_ || is_done(what)) then();
    else what.then = std::move(then);
}

/// By number: they may start and stop others.
[[gnu::cold]] inline void context::call_back() {
    for (std::size_t i = 0; i < running_.size(); ++i) {
        auto* const each = running_[i];
        if (each == nullptr || !each->then || !(failure_ || each->run->done())) continue;
        std::exchange(each->then, nullptr)();
    }
}

inline void context::limit_in_flight(std::uint32_t communicator) {
    constexpr std::size_t most = 60;
    while (active_ >= most) {
        detail::task* oldest = nullptr;
        std::size_t in_flight = 0;
        for (auto* const each : running_) {
            if (each == nullptr || each->run->done()) continue;
            auto const& ex = each->run->running();
            if (ex.communicator != communicator || ex.sequence == 0) continue;
            ++in_flight;
            if (oldest == nullptr || ex.sequence < oldest->run->running().sequence) oldest = each;
        }
        if (in_flight < most) return;
        wait(*oldest);
    }
}

template <class Done>
[[gnu::cold]] void context::wait_at_end(Done done, detail::task const* mine) {
    if (std::uncaught_exceptions() == 0) return wait_until(done, mine, options_.timeout);
    auto const until = clock::now() + std::min<clock::duration>(options_.timeout / 2, std::chrono::seconds(1));
    wait_until([&] { return done() || clock::now() > until; }, mine, options_.timeout);
    if (done()) return;
    auto const where = detail::place_of(*transport_, instance_of(mine));
    fail(std::make_exception_ptr(transport_error("an exception ended the wait for it", where)));
}

inline void context::stop(detail::task& what) noexcept {
    if (what.running) {
        running_[what.slot] = nullptr;
        --active_;
        what.running = false;
    }
    scratch_.give_back(what.scratch);
    what.scratch = {};
}

inline void context::recycle(std::unique_ptr<detail::task> what) {
    stop(*what);
    if (what->then) what->then = nullptr;
    if (what->keep) what->keep.reset();
    auto const home = std::move(what->home);
    if (home && home->idle.size() < 64) home->idle.push_back(std::move(what));
}

[[gnu::cold]] inline void context::fail(std::exception_ptr why) noexcept {
    if (failure_) return;
    auto text = std::string("an exception that is no std::exception");
    try {
        std::rethrow_exception(why);
    } catch (std::exception const& e) {
        text = e.what();
    } catch (...) {
    }
    transport_->revoke({transport_failure::kind::revoked, rank(), text, 0, 0});
    become_failed(why);
}

[[gnu::cold]] inline void context::give_up(transport_failure const& why, instance const* mine) {
    auto cause = why;
    if (why.why == transport_failure::kind::mismatch) { // only if both are alive: a death is known by then
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        cause = transport_->failure().value_or(why);
    }
    transport_->revoke(detail::as_told(cause, rank(), mine));
    become_failed(detail::explain(transport_->failure().value_or(cause), *transport_, mine));
    std::rethrow_exception(failure_);
}

[[gnu::cold]] inline void context::become_failed(std::exception_ptr why) noexcept {
    failure_ = std::move(why);
    transport_->withdraw();
    try {
        call_back();
    } catch (...) { // the first failure is the one that counts
    }
}

[[gnu::cold]] inline std::vector<int> context::renew() {
    if (closed_) require_working();
    if (!transport_->renewable())
        detail::misuse({"the transport ", transport_->name(), " cannot go on after a failure"});
    auto const survivors = transport_->survivors(detail::deadline_of(options_));
    if (survivors.empty()) { // the others have gone on without this rank
        auto const why = transport_->failure();
        throw transport_error(detail::text({"shrink: this rank ", why ? std::string_view(why->text) : "was not heard"}), detail::place_of(*transport_, nullptr));
    }
    for (auto* const each : running_)
        if (each != nullptr) stop(*each);
    numbers_.reset();
    numbers_.set(0);
    failure_ = nullptr;
    ++epoch_;
    generation_ = first_generation();
    return survivors;
}

inline void context::close() noexcept {
    inside const guard(*this);
    if (closed_) return;
    for (auto const* const each : running_)
        if (!failure_ && each != nullptr && !each->run->done())
            fail(std::make_exception_ptr(usage_error("chorus: the session ended with unfinished requests")));
    closed_ = true;
}

} // namespace chorus
