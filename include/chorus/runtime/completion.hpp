#pragma once
/// How tasks and contexts end: recycling, completion callbacks, failure, renewal. Part of context.hpp.

#include <chorus/runtime/context.hpp>

#include <algorithm>
#include <atomic>
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

[[gnu::cold]] inline void context::refuse_two_threads() const {
    detail::misuse({"rank ", rank(), ": two threads are in calls of one context at the same time; its communicators and requests are for one "
                    "thread at a time, split and dup ones, too"});
}
[[gnu::cold]] inline void context::meet_another_thread(bool patient) const {
    two_threads_.store(true, std::memory_order_relaxed);
    while (patient && thread_inside_.load(std::memory_order_acquire) != std::thread::id()) std::this_thread::yield();
    if (!patient) refuse_two_threads();
}
inline void context::require_one_thread() {
    if (!two_threads_.load(std::memory_order_relaxed)) return;
    try {
        refuse_two_threads();
    } catch (...) {
        fail(std::current_exception());
    }
    std::rethrow_exception(failure_);
}

inline bool context::is_done(detail::task& what) {
    if (what.run) return what.run->done();
    if (what.waits) return false;
    if (what.native_handle != 0 && transport_->native()->test(what.native_handle - 1)) what.native_handle = 0;
    return what.native_handle == 0;
}

inline bool context::progress() {
    inside const guard(*this);
    require_working();
    if (advance()) return true;
    look_for_failure(nullptr);
    return false;
}

inline bool context::test(detail::task& what) {
    if (is_done(what)) return true;
    require_working();
    advance();
    if (is_done(what)) return true;
    look_for_failure(&what);
    return false;
}

inline void context::look_for_failure(detail::task const* mine) {
    require_one_thread();
    auto const* const awaited = awaited_by(mine);
    transport_->await(detail::awaited_rank(*transport_, awaited));
    auto why = transport_->failure();
    if (!why && awaited != nullptr && !options_.checked) why = detail::different_call(*transport_, *awaited, recent_);
    if (why) give_up(*why, awaited);
}

[[gnu::cold]] inline void context::when_done(detail::task& what, std::function<void()> then) {
    if (what.then) detail::misuse({"this request has a completion callback already"});
    if (failure_ || is_done(what)) then();
    else what.then = std::move(then);
}

/// The task is done: those behind it may start.
inline void context::land(detail::task& what) {
    if (what.then) landed_.push_back(what.slot);
    auto* const line = std::exchange(what.line, nullptr);
    if (line == nullptr) return;
    --line->in_flight;
    if (!line->queued.empty()) start_queued(*line);
}

/// By number: they may start and stop others, and land some more.
[[gnu::cold]] inline void context::call_back() {
    for (std::size_t i = 0; i < landed_.size(); ++i) {
        auto* const each = running_[landed_[i]];
        if (each != nullptr && each->then && is_done(*each)) std::exchange(each->then, nullptr)();
    }
    landed_.clear();
}
[[gnu::cold]] inline void context::call_back_all() {
    for (std::size_t i = 0; i < running_.size(); ++i)
        if (auto* const each = running_[i]; each != nullptr && each->then) std::exchange(each->then, nullptr)();
}

[[gnu::cold]] inline instance const* context::awaited_by(detail::task const* mine) const {
    if (mine == nullptr || mine->line == nullptr || !mine->waits) return mine != nullptr ? mine->run.get() : nullptr;
    if (mine->before && mine->before->exchange) return mine->before->exchange->run.get();
    for (auto const* const each : running_) { // one that is in its way
        if (each == nullptr || each->line != mine->line) continue;
        if (each->before && each->before->exchange) return each->before->exchange->run.get();
        if (!each->waits && each->run) return each->run.get();
    }
    return nullptr;
}

template <class Done>
[[gnu::cold]] void context::wait_at_end(Done done, detail::task const* mine) {
    if (std::uncaught_exceptions() == 0) return wait_until(done, mine, options_.timeout);
    auto const until = clock::now() + std::min<clock::duration>(options_.timeout / 2, std::chrono::seconds(1));
    wait_until([&] { return done() || clock::now() > until; }, mine, options_.timeout);
    if (done()) return;
    auto const where = detail::place_of(*transport_, awaited_by(mine));
    fail(std::make_exception_ptr(transport_error("an exception ended the wait for it", where)));
}

inline void context::stop(detail::task& what) noexcept {
    if (what.running) {
        running_[what.slot] = nullptr;
        free_slots_.push_back(what.slot);
        --active_;
        what.running = false;
    }
    if (what.line != nullptr) drop(what);
    scratch_.give_back(what.scratch);
    what.scratch = {};
}

/// It is given up before it is done.
[[gnu::cold]] inline void context::drop(detail::task& what) noexcept {
    for (auto& each : what.line->queued)
        if (each == &what) each = nullptr;
    what.line = nullptr;
    what.waits = false;
    if (!what.before || !what.before->exchange) return;
    stop(*what.before->exchange);
    what.before->exchange.reset();
}

inline void context::recycle(std::unique_ptr<detail::task> what) {
    stop(*what);
    if (what->then) what->then = nullptr;
    if (what->problem) what->problem = nullptr;
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
        call_back_all();
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
    two_threads_ = false;
    ++epoch_;
    generation_ = first_generation();
    return survivors;
}

inline void context::close() noexcept {
    auto const guard = inside::patiently(*this);
    if (closed_) return;
    for (auto* const each : running_)
        if (!failure_ && each != nullptr && !is_done(*each))
            fail(std::make_exception_ptr(usage_error("chorus: the session ended with unfinished requests")));
    closed_ = true;
}

} // namespace chorus
