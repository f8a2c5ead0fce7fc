#pragma once
/// Coroutines: `co_await` of a request.
///
///     chorus::routine train(chorus::communicator& comm, std::vector<float>& a, std::vector<float>& b) {
///         co_await chorus::async_all_reduce(comm, a);
///         co_await chorus::async_all_gather(comm, a, b);
///     }
///     ...
///     auto first = train(comm, a, b), second = train(other, c, d);    // both run now
///     first.wait();
///     second.wait();

#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/group.hpp>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

namespace chorus {

/// Waits for a request that it owns. Resumed inside the Chorus call, or on the progress thread, that notices the end.
/// `co_await` throws what `request::wait` throws.
class request_awaiter {
public:
    explicit request_awaiter(request what) : what_(std::move(what)) {}
    bool await_ready() { return what_.test(); }
    void await_suspend(std::coroutine_handle<> whom) {
        what_.on_completion([whom] { whom.resume(); });
    }
    void await_resume() { what_.wait(); }

private:
    request what_;
};
/// For coroutines of other kinds than `routine`.
inline request_awaiter operator co_await(request&& what) { return request_awaiter(std::move(what)); }

/// A coroutine that begins at once and runs until its first unfinished request. Move-only. Like a request it is waited for when it
/// is destroyed, where an exception destroys it not for long: what it refers to must live longer.
class routine {
    struct state {
        std::atomic<bool> done{false}; ///< a progress thread may say so
        std::exception_ptr problem;
        std::shared_ptr<context> owner; ///< of the request that it waits for
    };

public:
    struct promise_type {
        std::shared_ptr<state> shared = std::make_shared<state>();

        routine get_return_object() { return routine(shared); }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; } // it ends by itself: whoever waits has the state
        request_awaiter await_transform(request&& what) {
            if (what.valid()) shared->owner = what.shared_context();
            return request_awaiter(std::move(what));
        }
        void return_void() noexcept { shared->done = true; }
        void unhandled_exception() noexcept {
            shared->problem = std::current_exception();
            shared->done = true;
        }
    };

    routine(routine&&) noexcept = default;
    routine& operator=(routine&&) = delete;
    ~routine() {
        if (!state_ || done()) return;
        try {
            auto const owner = state_->owner;
            context::inside const guard(*owner);
            owner->wait_at_end([&] { return done(); }, nullptr);
        } catch (...) { // the context remembers
        }
    }

    bool done() const { return state_->done; }
    /// Advances everything until the coroutine has ended; throws what it has thrown. On the rank's own thread, also where there is a
    /// progress thread.
    void wait() {
        auto const owner = state_->owner;
        if (!done()) {
            context::inside const guard(*owner);
            owner->wait_until([&] { return done(); }, nullptr, owner->settings().timeout);
        }
        if (state_->problem) std::rethrow_exception(state_->problem);
    }

private:
    explicit routine(std::shared_ptr<state> shared) : state_(std::move(shared)) {}

    std::shared_ptr<state> state_;
};

} // namespace chorus
