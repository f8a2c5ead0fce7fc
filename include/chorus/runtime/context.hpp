#pragma once
/// The context: what all communicators of one job on one rank share. It owns the transport, the recorded programs, the
/// scratch memory and the failure state. Not thread-safe: one context, one thread.

#include <chorus/core/errors.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/explain.hpp>
#include <chorus/runtime/options.hpp>
#include <chorus/runtime/task.hpp>
#include <chorus/transport/erased.hpp>
#include <chorus/tuning/rules.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

/// A thread that drives a context beside its owner (progress_thread.hpp).
class context_helper {
public:
    virtual void lock() = 0;
    virtual void unlock() noexcept = 0;

protected:
    ~context_helper() = default;
};

} // namespace detail

class context {
public:
    context(std::unique_ptr<any_transport> over, options how)
        : transport_(how.wrap != nullptr ? how.wrap(std::move(over)) : std::move(over)), options_(std::move(how)) {
        options_.timeout = detail::patience_of(options_);
        numbers_.set(0);
    }
    context(context const&) = delete;
    context& operator=(context const&) = delete;
    ~context() { close(); }

    /// Keeps a progress thread out, where there is one. Whoever changes the context from the outside holds it.
    class inside {
    public:
        explicit inside(context const& what) : helper_(what.helper_) {
            if (helper_ != nullptr) helper_->lock();
        }
        inside(inside const&) = delete;
        inside& operator=(inside const&) = delete;
        ~inside() {
            if (helper_ != nullptr) helper_->unlock();
        }

    private:
        detail::context_helper* helper_;
    };
    /// Null: nobody helps (any more).
    void set_helper(detail::context_helper* helper) { helper_ = helper; }
    detail::context_helper* helper() const { return helper_; }

    any_transport& transport() { return *transport_; }
    int rank() const { return transport_->rank(); }
    int size() const { return transport_->size(); }
    options const& settings() const { return options_; }
    /// Looks for what options and environment force. A usage_error where they cannot be read.
    void find_forced(forced_choice& call) const {
        read_rules(options_.algorithms, "options::algorithms", call);
        if (auto const* const rules = std::getenv("CHORUS_ALGORITHM")) read_rules(rules, "CHORUS_ALGORITHM", call);
    }

    /// Counts the renewals: what was made in an earlier epoch cannot be used any more.
    std::uint32_t epoch() const { return epoch_; }
    /// After a failure: waits until every rank has either called this or left, at most the timeout, and forgets the
    /// failure. Returns the ranks that are still there, the same on all of them.
    std::vector<int> renew();

    void require_working(std::uint32_t epoch) const {
        inside const guard(*this);
        require_working();
        if (epoch != epoch_) detail::misuse({"this communicator or request is from before shrink(): use the new communicator"});
    }
    /// Throws the first failure again, once there was one.
    void require_working() const {
        inside const guard(*this);
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
    void wait(detail::task& what) {
        wait_until([&] { return is_done(what); }, &what, options_.timeout);
    }
    /// The same in a destructor. During an exception only for a moment: the others may wait for this rank, which then gives up.
    template <class Done>
    void wait_at_end(Done done, detail::task const* mine);
    void wait_at_end(detail::task& what) {
        wait_at_end([&] { return is_done(what); }, &what);
    }
    /// Drives everything until done() says so; `mine` is what is waited for, if it is a task.
    template <class Done>
    void wait_until(Done done, detail::task const* mine, std::chrono::milliseconds patience);
    /// Calls `then` once the task is done, or at once where it is. The context's failure counts as done.
    void when_done(detail::task& what, std::function<void()> then);
    /// Tasks that were started and neither waited for nor given up.
    std::size_t active() const { return active_; }
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
    // Numbers are used again; the generation, which rises with every communicator, tells their users apart.
    std::uint32_t generation() const { return generation_; }
    void set_generation(std::uint32_t next) { generation_ = next; }
    /// Of the communicator of all ranks: above those of earlier epochs.
    std::uint32_t first_generation() const { return epoch_ << 16; }

    /// True as long as a blocking native collective cannot starve other work of this context: there is one communicator
    /// and nothing was ever started asynchronously. Both are equal on all ranks at any collective call.
    bool may_block_natively() const { return !shared_progress_; }
    void shares_progress() { shared_progress_ = true; }

private:
    bool is_done(detail::task& what);
    bool advance();
    void call_back(); ///< those who wait for what is done
    /// Fails where the transport says so. `mine` is what is waited for, if it is a task.
    void look_for_failure(detail::task const* mine);
    static instance const* instance_of(detail::task const* mine) { return mine != nullptr ? mine->run.get() : nullptr; }
    /// All ranks give up for the same reason: the first that any of them has told.
    [[noreturn]] void give_up(transport_failure const& why, instance const* mine);
    void become_failed(std::exception_ptr why) noexcept;

    std::unique_ptr<any_transport> transport_;
    options options_;
    detail::scratch_pool scratch_;
    detail::program_cache programs_;
    plain_vector<detail::task*> running_; ///< by slot; null where free
    std::size_t active_ = 0;
    std::bitset<most_communicators> numbers_;
    std::uint32_t generation_ = 0;
    std::exception_ptr failure_;
    std::uint32_t epoch_ = 0;
    detail::context_helper* helper_ = nullptr;
    bool closed_ = false;
    bool shared_progress_ = false;
    std::array<completion, 32> finished_; ///< what the last poll has found
    std::array<exchange, 16> recent_{};   ///< collectives that were started: the last one of each sequence number mod 16
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
    if (ex.sequence != 0) { // point-to-point messages are no collective to be late for
        transport_->enter(ex);
        recent_[ex.sequence % recent_.size()] = ex;
    }
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
    auto awaited = false;
    for (std::size_t i = 0; i < count; ++i) {
        auto const slot = static_cast<std::size_t>(finished[i].which >> 32);
        auto* const owner = slot < running_.size() ? running_[slot] : nullptr;
        if (owner == nullptr) continue;
        owner->run->complete(static_cast<std::int32_t>(finished[i].which & 0xffffffffu), finished[i].view);
        awaited = awaited || (owner->then && owner->run->done());
    }
    if (awaited) call_back(); // only now: they may start something, and poll
    return count > 0;
} catch (...) { // an operator, most likely
    fail(std::current_exception());
    throw;
}

inline bool context::progress() {
    inside const guard(*this);
    require_working();
    if (advance()) return true;
    look_for_failure(nullptr);
    return false;
}

inline void context::look_for_failure(detail::task const* mine) {
    auto const* const run = instance_of(mine);
    transport_->await(detail::awaited_rank(*transport_, run));
    auto why = transport_->failure();
    if (!why && run != nullptr) why = detail::different_call(*transport_, *run, recent_);
    if (why) give_up(*why, run);
}

template <class Done>
void context::wait_until(Done done, detail::task const* mine, std::chrono::milliseconds patience) {
    constexpr int cheap_rounds = 128; // before looking at the clock
    int round = 0;
    auto last_progress = clock::time_point(), next_look = clock::time_point();
    patience = std::min(patience, detail::for_ever);
    while (!done()) {
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
            look_for_failure(mine);
            if (now - last_progress > patience) give_up(detail::explain_timeout(patience, *transport_, instance_of(mine)), instance_of(mine));
        }
        transport_->idle(round, now + std::chrono::milliseconds(20));
    }
}

inline bool context::is_done(detail::task& what) {
    if (what.run) return what.run->done();
    if (what.waits_for_itself) return false;
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

} // namespace chorus

// The rest of its functions.
#include <chorus/runtime/completion.hpp>
