#pragma once
/// How requests are finished. Part of request.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/group.hpp>
#include <chorus/runtime/request.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace chorus {

CHORUS_INLINE request::request() noexcept = default;
CHORUS_INLINE request::request(std::shared_ptr<detail::group> on, std::unique_ptr<detail::task> what)
    : group_(std::move(on)), task_(std::move(what)) {}
CHORUS_INLINE request::request(request&& other) noexcept = default;
CHORUS_INLINE request& request::operator=(request&& other) noexcept {
    if (this != &other) {
        finish_quietly();
        group_ = std::move(other.group_);
        task_ = std::move(other.task_);
    }
    return *this;
}
CHORUS_INLINE request::~request() { finish_quietly(); }

namespace detail {

/// Whether `step` has finished the task. What fails has stopped it.
template <class F>
bool advance(group& on, task& what, F step) try {
    if (on.epoch != on.owner->epoch()) on.require_working(); // from before shrink()
    if (!step()) return false;
    if (what.problem) std::rethrow_exception(what.problem);
    return true;
} catch (...) {
    on.owner->stop(what);
    throw;
}

} // namespace detail

template <class F>
bool request::finish(F step) {
    context::inside const guard(*group_->owner);
    try {
        if (!detail::advance(*group_, *task_, step)) return false;
    } catch (...) {
        auto const then = std::move(task_->then);
        task_.reset();
        if (then) then();
        throw;
    }
    group_->owner->recycle(std::move(task_));
    return true;
}

CHORUS_INLINE std::shared_ptr<context> request::shared_context() const { return task_ ? group_->owner : nullptr; }
CHORUS_INLINE void request::on_completion(std::function<void()> then) {
    if (!task_) return then();
    context::inside const guard(*group_->owner);
    if (group_->epoch != group_->owner->epoch()) return then(); // stopped by shrink()
    group_->owner->when_done(*task_, std::move(then));
}
CHORUS_INLINE bool request::test() {
    return !task_ || finish([&] { return group_->owner->test(*task_); });
}
CHORUS_INLINE void request::wait() {
    if (!task_) return;
    finish([&] {
        group_->owner->wait(*task_);
        return true;
    });
}
CHORUS_INLINE void request::finish_quietly() noexcept {
    if (!task_) return;
    auto const guard = context::inside::patiently(*group_->owner);
    try {
        finish([&] {
            group_->owner->wait_at_end(*task_);
            return true;
        });
    } catch (...) { // the context remembers the failure and throws it at the next call
    }
}

CHORUS_INLINE persistent_request::persistent_request() noexcept = default;
CHORUS_INLINE persistent_request::persistent_request(std::shared_ptr<detail::group> on, std::unique_ptr<detail::task> what,
                                                     void const* input, void* output, std::uint64_t signature)
    : group_(std::move(on)), task_(std::move(what)), input_(input), output_(output), signature_(signature) {}
CHORUS_INLINE persistent_request::persistent_request(persistent_request&&) noexcept = default;
CHORUS_INLINE persistent_request& persistent_request::operator=(persistent_request&& other) noexcept {
    if (this != &other) {
        end();
        group_ = std::move(other.group_);
        task_ = std::move(other.task_);
        input_ = other.input_;
        output_ = other.output_;
        signature_ = other.signature_;
        started_ = other.started_;
    }
    return *this;
}
CHORUS_INLINE persistent_request::~persistent_request() { end(); }

CHORUS_INLINE void persistent_request::start() {
    if (!task_) detail::misuse({"start() of an empty persistent collective"});
    context::inside const guard(*group_->owner);
    group_->owner->require_working();
    group_->require_working();
    if (started_) detail::misuse({"start() of a persistent collective that was not waited for"});
    task_->problem = nullptr;
    group_->owner->start(group_->line, *task_, {input_, output_, {group_->wire_number(), ++group_->sequence, signature_, 0}, group_->members()});
    started_ = true;
}

template <class F>
bool persistent_request::finish(F step) {
    if (!task_ || !started_) return true;
    context::inside const guard(*group_->owner);
    started_ = false; // what throws has stopped it
    started_ = !detail::advance(*group_, *task_, step);
    if (!started_) group_->owner->stop(*task_);
    return !started_;
}

CHORUS_INLINE bool persistent_request::test() {
    return finish([&] { return group_->owner->test(*task_); });
}
CHORUS_INLINE void persistent_request::wait() {
    finish([&] {
        group_->owner->wait(*task_);
        return true;
    });
}
CHORUS_INLINE void persistent_request::end() noexcept {
    if (!task_) return;
    auto const guard = context::inside::patiently(*group_->owner);
    try {
        finish([&] {
            group_->owner->wait_at_end(*task_);
            return true;
        });
        group_->owner->recycle(std::move(task_));
    } catch (...) { // the context remembers the failure
        task_.reset();
    }
}

} // namespace chorus
