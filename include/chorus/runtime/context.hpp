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
#include <atomic>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
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
/// Keeps it out.
class without_helper {
public:
    template <class Context>
    explicit without_helper(Context const& of) : helper_(of.helper()) {
        if (helper_ != nullptr) helper_->lock();
    }
    without_helper(without_helper const&) = delete;
    without_helper& operator=(without_helper const&) = delete;
    ~without_helper() {
        if (helper_ != nullptr) helper_->unlock();
    }

private:
    context_helper* helper_;
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

    /// Held by whoever is in a call of the context; keeps a progress thread out. A usage_error where another thread is inside: seen by
    /// loads and stores that cost next to nothing, if not by who enters then by who leaves. Threads may take turns.
    class inside {
    public:
        explicit inside(context const& what) : inside(what, false) {}
        /// Waits for the other thread instead, whose call then fails: for what must not throw.
        static inside patiently(context const& what) { return inside(what, true); }
        inside(inside const&) = delete;
        inside& operator=(inside const&) = delete;
        ~inside() {
            if (nested_) return;
            if (what_->thread_inside_.load(std::memory_order_relaxed) != me_) what_->two_threads_.store(true, std::memory_order_relaxed);
            what_->thread_inside_.store(std::thread::id(), std::memory_order_release); // who waits for it sees what was done
        }

    private:
        inside(context const& what, bool patient) : without_helper_(what), what_(&what), me_(std::this_thread::get_id()) {
            auto const now = what.thread_inside_.load(std::memory_order_acquire);
            nested_ = now == me_;
            if (nested_) return;
            if (now != std::thread::id()) what.meet_another_thread(patient);
            what.thread_inside_.store(me_, std::memory_order_relaxed);
        }

        detail::without_helper without_helper_;
        context const* what_;
        std::thread::id me_;
        bool nested_;
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
        inside const guard(*this); // before anything is read that the thread inside may write
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

    /// Starts a bound task at once.
    void start(detail::task& what, detail::run_arguments const& with);
    /// Starts a collective of a communicator as soon as it may: when there is room in flight, and its ranks have told each other what
    /// they must (task::before). Never waits.
    void start(detail::task_line& line, detail::task& what, detail::run_arguments const& with);
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
    /// Fails where the transport says so. `mine` is what is waited for, if it is a task.
    void look_for_failure(detail::task const* mine);
    /// All ranks give up for the same reason: the first that any of them has told.
    [[noreturn]] void give_up(transport_failure const& why, instance const* mine);
    void become_failed(std::exception_ptr why) noexcept;
    /// What a wait for the task is waiting for: its run, or one that comes first. Null: unknown.
    instance const* awaited_by(detail::task const* mine) const;

    void meet_another_thread(bool patient) const;
    [[noreturn]] void refuse_two_threads() const;
    /// Fails where two threads were inside at once.
    void require_one_thread();

    // How tasks start and end (start.hpp, completion.hpp).
    void enrol(detail::task& what);
    void run(detail::task& what, detail::run_arguments const& with);
    void queue(detail::task_line& line, detail::task& what, detail::run_arguments const& with);
    void start_queued(detail::task_line& line);
    void go_on(detail::task& what);
    void tell_each_other(detail::task& what);
    void have_told_each_other(detail::task& what);
    void land(detail::task& what);
    void drop(detail::task& what) noexcept;
    void call_back(); ///< those who wait for what has landed
    void call_back_all();

    std::unique_ptr<any_transport> transport_;
    options options_;
    detail::scratch_pool scratch_;
    detail::program_cache programs_;
    plain_vector<detail::task*> running_;     ///< by slot; null where free
    plain_vector<std::uint32_t> free_slots_;  ///< of running_
    plain_vector<std::uint32_t> landed_;      ///< slots of tasks that are done and have somebody to tell
    std::size_t active_ = 0;
    std::bitset<most_communicators> numbers_;
    std::uint32_t generation_ = 0;
    std::exception_ptr failure_;
    std::uint32_t epoch_ = 0;
    detail::context_helper* helper_ = nullptr;
    mutable std::atomic<std::thread::id> thread_inside_{}; ///< none: nobody
    mutable std::atomic<bool> two_threads_{false};         ///< were inside at once
    bool closed_ = false;
    bool shared_progress_ = false;
    std::array<completion, 32> finished_; ///< what the last poll has found
    std::array<exchange, 16> recent_{};   ///< collectives that were started: the last one of each sequence number mod 16
};

inline bool context::advance() try {
    auto& finished = finished_;
    auto const count = transport_->poll(finished);
    for (std::size_t i = 0; i < count; ++i) {
        auto const slot = static_cast<std::size_t>(finished[i].which >> 32);
        auto* const owner = slot < running_.size() ? running_[slot] : nullptr;
        if (owner == nullptr) continue;
        owner->run->complete(static_cast<std::int32_t>(finished[i].which & 0xffffffffu), finished[i].view);
        if (owner->run->done()) land(*owner);
    }
    if (landed_.empty()) return count > 0;
    call_back(); // only now: they may start something, and poll
    return true;
} catch (...) { // an operator, most likely
    fail(std::current_exception());
    throw;
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
            auto const* const awaited = awaited_by(mine);
            if (now - last_progress > patience) give_up(detail::explain_timeout(patience, *transport_, awaited), awaited);
        }
        transport_->idle(round, now + std::chrono::milliseconds(20));
    }
}

} // namespace chorus

// The rest of its functions.
#include <chorus/runtime/completion.hpp>
#include <chorus/runtime/start.hpp>
