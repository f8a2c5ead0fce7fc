#pragma once
/// Requests: collectives that were started and are finished later.

#include <chorus/runtime/context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

struct tuning_table;

namespace detail {

/// The ranks of a communicator: shared by it and its unfinished requests, so that its number is not reused before.
struct group {
    explicit group(std::shared_ptr<context> of)
        : owner(std::move(of)), rank(owner->rank()), size(owner->size()), epoch(owner->epoch()) {}
    group(group const&) = delete;
    group& operator=(group const&) = delete;
    ~group() {
        if (number != 0 && epoch == owner->epoch()) owner->numbers_in_use().reset(number);
    }

    void require_working() const { owner->require_working(epoch); }
    /// What messages carry: numbers of different epochs differ.
    std::uint32_t wire_number() const { return epoch * static_cast<std::uint32_t>(context::most_communicators) + number; }
    std::span<int const> members() const { return ranks; }
    int world_rank(int member) const { return ranks.empty() ? member : ranks[static_cast<std::size_t>(member)]; }

    std::shared_ptr<context> owner;
    std::vector<int> ranks; ///< in the numbers of the transport; empty: all of them
    int rank;
    int size;
    std::uint32_t number = 0;
    std::uint32_t epoch;
    std::uint32_t sequence = 0; ///< of the last collective
    std::shared_ptr<tuning_table const> tuning; ///< what the members have agreed on; null: what the transport says of itself
};

/// A request that dies of an exception may wait for ranks that in turn wait for this one.
inline std::chrono::milliseconds patience_of_destructors(context const& owner) {
    auto const usual = owner.settings().timeout;
    return std::uncaught_exceptions() > 0 ? std::min(usual, std::chrono::milliseconds(1000)) : usual;
}

} // namespace detail

/// A running collective. Without calls into Chorus nothing advances: `test`, `wait`, any other collective of the same
/// context, or `communicator::progress()` do. Move-only. Destroying an unfinished request waits for it; where an
/// exception destroys it, not for long: without progress the context fails, so that the other ranks learn of it.
class request {
public:
    request() = default;
    request(std::shared_ptr<detail::group> on, std::unique_ptr<detail::task> what)
        : group_(std::move(on)), task_(std::move(what)) {}
    request(request&& other) noexcept = default;
    request& operator=(request&& other) noexcept {
        if (this != &other) {
            finish_quietly();
            group_ = std::move(other.group_);
            task_ = std::move(other.task_);
        }
        return *this;
    }
    ~request() { finish_quietly(); }

    /// Whether there is something to wait for.
    bool valid() const { return task_ != nullptr; }
    /// Where it runs; null where there is nothing to wait for.
    std::shared_ptr<context> shared_context() const { return task_ ? group_->owner : nullptr; }

    /// Makes progress; true once the collective has finished. Throws like `wait`.
    bool test() {
        return !task_ || finish([&] { return group_->owner->test(*task_); });
    }
    /// Returns when the collective has finished. Throws the context's failure, or usage_error where the session that
    /// the request belongs to has ended.
    void wait() {
        if (!task_) return;
        finish([&] {
            group_->owner->wait(*task_);
            return true;
        });
    }
    /// Calls `then()` when the collective has finished or failed: inside the Chorus call, or on the progress thread, that
    /// notices; at once where it has finished already. It may start collectives and wait for requests; what it throws fails
    /// the context. At most one per request. `wait` is needed all the same, and throws what has failed.
    void on_completion(std::function<void()> then) {
        if (!task_) return then();
        context::inside const guard(*group_->owner);
        group_->owner->when_done(*task_, std::move(then));
    }

private:
    template <class F>
    bool finish(F step) {
        context::inside const guard(*group_->owner);
        try {
            if (group_->epoch != group_->owner->epoch()) group_->require_working(); // from before shrink()
            if (!step()) return false;
        } catch (...) {
            group_->owner->stop(*task_);
            auto const then = std::move(task_->then);
            task_.reset();
            if (then) then();
            throw;
        }
        group_->owner->recycle(std::move(task_));
        return true;
    }
    void finish_quietly() noexcept {
        if (!task_) return;
        try {
            finish([&] {
                group_->owner->wait(*task_, detail::patience_of_destructors(*group_->owner));
                return true;
            });
        } catch (...) { // the context remembers the failure and throws it at the next call
        }
    }

    std::shared_ptr<detail::group> group_;
    std::unique_ptr<detail::task> task_;
};

/// A collective whose arguments are fixed: everything is looked up, recorded and bound once, `start` and `wait` can be
/// called again and again. All ranks must start their persistent collectives in the same order as their other ones.
/// The buffers must live as long. Move-only; destroying a started one waits for it.
class persistent_request {
public:
    persistent_request() = default;
    persistent_request(std::shared_ptr<detail::group> on, std::unique_ptr<detail::task> what, void const* input, void* output,
                       std::uint64_t signature)
        : group_(std::move(on)), task_(std::move(what)), input_(input), output_(output), signature_(signature) {}
    persistent_request(persistent_request&&) noexcept = default;
    persistent_request& operator=(persistent_request&& other) noexcept {
        if (this != &other) {
            end();
            group_ = std::move(other.group_);
            task_ = std::move(other.task_);
            input_ = other.input_;
            output_ = other.output_;
            signature_ = other.signature_;
        }
        return *this;
    }
    ~persistent_request() { end(); }

    bool valid() const { return task_ != nullptr; }

    /// Starts it once more. Precondition: not running.
    void start() {
        if (!task_) detail::misuse({"start() of an empty persistent collective"});
        context::inside const guard(*group_->owner);
        group_->owner->require_working();
        group_->require_working();
        if (task_->running) detail::misuse({"start() of a persistent collective that was not waited for"});
        auto& owner = *group_->owner;
        owner.limit_in_flight(group_->wire_number());
        owner.start(*task_, input_, output_, {group_->wire_number(), ++group_->sequence, signature_, 0}, group_->members());
    }
    /// Makes progress; true where it is not running (any more). Throws like `wait`.
    bool test() {
        return finish([&] { return group_->owner->test(*task_); });
    }
    void wait() { wait(group_ ? group_->owner->settings().timeout : std::chrono::milliseconds(0)); }

private:
    void wait(std::chrono::milliseconds patience) {
        finish([&] {
            group_->owner->wait(*task_, patience);
            return true;
        });
    }
    template <class F>
    bool finish(F step) {
        if (!task_ || !task_->running) return true;
        context::inside const guard(*group_->owner);
        try {
            if (group_->epoch != group_->owner->epoch()) group_->require_working(); // from before shrink()
            if (!step()) return false;
        } catch (...) {
            group_->owner->stop(*task_);
            throw;
        }
        group_->owner->stop(*task_);
        return true;
    }
    void end() noexcept {
        if (!task_) return;
        try {
            wait(detail::patience_of_destructors(*group_->owner));
            context::inside const guard(*group_->owner);
            group_->owner->recycle(std::move(task_));
        } catch (...) { // the context remembers the failure
            task_.reset();
        }
    }

    std::shared_ptr<detail::group> group_;
    std::unique_ptr<detail::task> task_;
    void const* input_ = nullptr;
    void* output_ = nullptr;
    std::uint64_t signature_ = 0;
};

} // namespace chorus
