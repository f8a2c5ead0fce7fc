#pragma once
/// The context: what all communicators of one job on one rank share. It owns the transport, the recorded programs, the
/// scratch memory and the failure state. Not thread-safe: one context, one thread.

#include <chorus/core/errors.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/explain.hpp>
#include <chorus/runtime/options.hpp>
#include <chorus/runtime/task.hpp>
#include <chorus/transport/erased.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

class context {
public:
    context(std::unique_ptr<any_transport> over, options how) : transport_(std::move(over)), options_(how) {
        numbers_.set(0);
    }
    context(context const&) = delete;
    context& operator=(context const&) = delete;
    ~context() { close(); }

    any_transport& transport() { return *transport_; }
    int rank() const { return transport_->rank(); }
    int size() const { return transport_->size(); }
    options const& settings() const { return options_; }

    /// Counts the renewals: what was made in an earlier epoch cannot be used any more.
    std::uint32_t epoch() const { return epoch_; }
    /// After a failure: waits until every rank has either called this or left, at most the timeout, and forgets the
    /// failure. Returns the ranks that are still there, the same on all of them.
    std::vector<int> renew();

    void require_working(std::uint32_t epoch) const {
        require_working();
        if (epoch != epoch_) detail::misuse({"this communicator or request is from before shrink(): use the new communicator"});
    }
    /// Throws the first failure again, once there was one.
    void require_working() const {
        if (closed_) detail::misuse({"the session of this communicator or request has ended"});
        if (failure_) std::rethrow_exception(failure_);
    }

    /// The recorded program of that shape, from the cache or new.
    std::shared_ptr<detail::cached_program> find_program(call_shape const& shape, record_function algorithm, choice const& how) {
        return programs_.find(shape, algorithm, how);
    }

    /// An idle task for the program.
    std::unique_ptr<detail::task> take_task(std::shared_ptr<detail::cached_program> const& home) {
        return detail::take_task(home, *transport_);
    }

    /// Starts a bound task.
    void start(detail::task& what, void const* input, void* output, exchange const& ex, std::span<int const> members);
    /// Drives everything until the task is done.
    void wait(detail::task& what) { wait(what, options_.timeout); }
    /// Gives up after `patience` without progress.
    void wait(detail::task& what, std::chrono::milliseconds patience);
    /// Drives everything once; whether the task is done.
    bool test(detail::task& what);
    /// The task is no longer running; its scratch memory is given back.
    void stop(detail::task& what) noexcept;
    /// Stops the task and keeps it for later use.
    void recycle(std::unique_ptr<detail::task> what);
    /// Starts a collective of the transport's own.
    void start_native(detail::task& what, native_call const& call);
    /// Waits until the communicator has fewer than 60 collectives in flight: what fits into the tags of MPI.
    void limit_in_flight(std::uint32_t communicator);

    /// Makes progress on all unfinished work. True if anything happened. Throws where the context must give up.
    bool progress();

    /// Programs in the cache: bounded.
    std::size_t programs() const { return programs_.size(); }

    /// Marks the context as failed, tells the peers, takes back what is posted. The first call wins.
    void fail(std::exception_ptr why) noexcept;
    bool failed() const { return failure_ != nullptr; }
    std::exception_ptr first_failure() const { return failure_; }

    /// Ends the context: unfinished tasks are given up, later use is a usage_error.
    void close() noexcept;

    // Numbers of communicators: small, agreed on by their members (communicator.hpp).
    static constexpr std::size_t most_communicators = 1024;
    std::bitset<most_communicators>& numbers_in_use() { return numbers_; }

    /// True as long as a blocking native collective cannot starve other work of this context: there is one communicator
    /// and nothing was ever started asynchronously. Both are equal on all ranks at any collective call.
    bool may_block_natively() const { return !shared_progress_; }
    void shares_progress() { shared_progress_ = true; }

private:
    bool is_done(detail::task& what);
    bool advance();
    /// Fails where the transport says so. `mine` is what is waited for, if it is a task.
    void look_for_failure(detail::task const* mine);
    static instance const* instance_of(detail::task const* mine) { return mine != nullptr ? mine->run.get() : nullptr; }
    [[noreturn]] void give_up(std::exception_ptr why) {
        fail(why);
        std::rethrow_exception(failure_);
    }

    std::unique_ptr<any_transport> transport_;
    options options_;
    detail::scratch_pool scratch_;
    detail::program_cache programs_;
    plain_vector<detail::task*> running_; ///< by slot; null where free
    std::size_t active_ = 0;
    std::bitset<most_communicators> numbers_;
    std::exception_ptr failure_;
    std::uint32_t epoch_ = 0;
    bool closed_ = false;
    bool shared_progress_ = false;
    std::array<completion, 32> finished_; ///< what the last poll has found
};

inline void context::start(detail::task& what, void const* input, void* output, exchange const& ex,
                           std::span<int const> members) {
    require_working();
    if (what.scratch.bytes < what.run->scratch_bytes()) {
        scratch_.give_back(what.scratch);
        what.scratch = scratch_.take(what.run->scratch_bytes());
    }
    std::size_t slot = 0;
    while (slot < running_.size() && running_[slot] != nullptr) ++slot;
    if (slot == running_.size()) running_.push_back(nullptr);
    running_[slot] = &what;
    what.slot = static_cast<std::uint32_t>(slot);
    ++active_;
    what.running = true;
    if (ex.sequence != 0) transport_->enter(ex); // point-to-point messages are no collective to be late for
    try {
        what.run->start(input, output, what.scratch.memory, ex, members, what.slot);
    } catch (...) {
        fail(std::current_exception());
        stop(what);
        throw;
    }
}

inline bool context::advance() try {
    auto& finished = finished_;
    auto const count = transport_->poll(finished);
    for (std::size_t i = 0; i < count; ++i) {
        auto const slot = static_cast<std::size_t>(finished[i].which >> 32);
        auto* const owner = slot < running_.size() ? running_[slot] : nullptr;
        if (owner == nullptr) continue;
        owner->run->complete(static_cast<std::int32_t>(finished[i].which & 0xffffffffu), finished[i].view);
    }
    return count > 0;
} catch (...) { // an operator, most likely
    fail(std::current_exception());
    throw;
}

inline bool context::progress() {
    require_working();
    if (advance()) return true;
    look_for_failure(nullptr);
    return false;
}

inline void context::look_for_failure(detail::task const* mine) {
    auto why = transport_->failure();
    if (!why && instance_of(mine) != nullptr) why = detail::different_call(*transport_, *mine->run);
    if (why) give_up(detail::explain(*why, *transport_, instance_of(mine)));
}

inline void context::wait(detail::task& what, std::chrono::milliseconds patience) {
    constexpr int cheap_rounds = 128; // before looking at the clock
    int round = 0;
    auto last_progress = clock::time_point(), next_look = clock::time_point();
    while (!is_done(what)) {
        require_working();
        if (advance()) {
            round = 0;
            continue;
        }
        if (++round < cheap_rounds) {
            transport_->idle(round, clock::time_point::min());
            continue;
        }
        auto const now = clock::now();
        if (round == cheap_rounds) last_progress = next_look = now;
        if (now >= next_look) {
            next_look = now + std::chrono::milliseconds(1);
            look_for_failure(&what);
            if (now - last_progress > patience) give_up(detail::explain_timeout(patience, *transport_, instance_of(&what)));
        }
        transport_->idle(round, now + std::chrono::milliseconds(20));
    }
}

inline bool context::is_done(detail::task& what) {
    if (what.run) return what.run->done();
    if (what.native_handle != 0 && transport_->native()->test(what.native_handle - 1)) what.native_handle = 0;
    return what.native_handle == 0;
}

inline bool context::test(detail::task& what) {
    if (is_done(what)) return true;
    require_working();
    advance();
    if (is_done(what)) return true;
    look_for_failure(&what);
    return false;
}

inline void context::start_native(detail::task& what, native_call const& call) {
    require_working();
    what.native_handle = transport_->native()->start(call) + 1;
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
    what->keep.reset();
    auto const home = std::move(what->home);
    if (home && home->idle.size() < 64) home->idle.push_back(std::move(what));
}

[[gnu::cold]] inline void context::fail(std::exception_ptr why) noexcept {
    if (failure_) return;
    failure_ = why;
    auto text = std::string("an exception that is no std::exception");
    try {
        std::rethrow_exception(why);
    } catch (std::exception const& e) {
        text = e.what();
    } catch (...) {
    }
    transport_->revoke({transport_failure::kind::revoked, rank(), text, 0});
    transport_->withdraw();
}

[[gnu::cold]] inline std::vector<int> context::renew() {
    if (closed_) require_working();
    if (!transport_->renewable())
        detail::misuse({"the transport ", transport_->name(), " cannot go on after a failure"});
    auto const survivors = transport_->survivors(clock::now() + options_.timeout);
    if (survivors.empty())
        throw timeout_error(detail::text({"shrink: some rank has neither called it nor left within ", options_.timeout.count(), " ms"}),
                            detail::place_of(*transport_, nullptr));
    for (auto* const each : running_)
        if (each != nullptr) stop(*each);
    numbers_.reset();
    numbers_.set(0);
    failure_ = nullptr;
    ++epoch_;
    return survivors;
}

inline void context::close() noexcept {
    if (closed_) return;
    for (auto const* const each : running_)
        if (!failure_ && each != nullptr && !each->run->done())
            fail(std::make_exception_ptr(usage_error("chorus: the session ended with unfinished requests")));
    closed_ = true;
}

} // namespace chorus
