#pragma once
/// Requests: collectives that were started and are finished later.

#include <chorus/core/compiled.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace chorus {

class context;

namespace detail {
struct group;
struct task;
}

/// A running collective. Without calls into Chorus nothing advances: `test`, `wait`, any other collective of the same
/// context, or `communicator::progress()` do. Move-only. Destroying an unfinished request waits for it; where an
/// exception destroys it, not for long: without progress the context fails, so that the other ranks learn of it.
class [[nodiscard]] request {
public:
    request() noexcept;
    request(std::shared_ptr<detail::group> on, std::unique_ptr<detail::task> what);
    request(request&& other) noexcept;
    request& operator=(request&& other) noexcept;
    ~request();

    /// Whether there is something to wait for.
    bool valid() const { return task_ != nullptr; }
    /// Where it runs; null where there is nothing to wait for.
    std::shared_ptr<context> shared_context() const;

    /// Makes progress; true once the collective has finished. Throws like `wait`.
    bool test();
    /// Returns when the collective has finished. Throws the context's failure, or usage_error where the session that
    /// the request belongs to has ended.
    void wait();
    /// Calls `then()` when the collective has finished or failed: inside the Chorus call, or on the progress thread, that
    /// notices; at once where it has finished already. It may start collectives and wait for requests; what it throws fails
    /// the context. At most one per request. `wait` is needed all the same, and throws what has failed.
    void on_completion(std::function<void()> then);

private:
    template <class F>
    bool finish(F step);
    void finish_quietly() noexcept;

    std::shared_ptr<detail::group> group_;
    std::unique_ptr<detail::task> task_;
};

/// A collective whose arguments are fixed: everything is looked up, recorded and bound once, `start` and `wait` can be
/// called again and again. All ranks must start their persistent collectives in the same order as their other ones.
/// The buffers must live as long. Move-only; destroying a started one waits for it.
class [[nodiscard]] persistent_request {
public:
    persistent_request() noexcept;
    persistent_request(std::shared_ptr<detail::group> on, std::unique_ptr<detail::task> what, void const* input, void* output,
                       std::uint64_t signature);
    persistent_request(persistent_request&&) noexcept;
    persistent_request& operator=(persistent_request&& other) noexcept;
    ~persistent_request();

    bool valid() const { return task_ != nullptr; }

    /// Starts it once more. Precondition: not running.
    void start();
    /// Makes progress; true where it is not running (any more). Throws like `wait`.
    bool test();
    void wait();

private:
    template <class F>
    bool finish(F step);
    void end() noexcept;

    std::shared_ptr<detail::group> group_;
    std::unique_ptr<detail::task> task_;
    void const* input_ = nullptr;
    void* output_ = nullptr;
    std::uint64_t signature_ = 0;
    bool started_ = false; ///< and not waited for
};

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/runtime/finish.hpp>
#endif
