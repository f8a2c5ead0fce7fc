#pragma once
/// The context: what all communicators of one job on one rank share. It owns the transport, the recorded programs, the
/// scratch memory and the failure state. Not thread-safe: one context, one thread.

#include <chorus/algorithm/record.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/runtime/instance.hpp>
#include <chorus/runtime/signature.hpp>
#include <chorus/transport/erased.hpp>

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

/// Options of a context, the same on all ranks.
struct options {
    /// A wait that sees no progress for so long gives up with a timeout_error. The last resort: failures that a
    /// transport can detect are reported at once.
    std::chrono::milliseconds timeout = std::chrono::minutes(5);
    /// Compare what all ranks call before any data move; costs one small exchange per collective.
    bool checked = false;
    /// Messages that are folded are cut into segments of about this size, so that moving and folding overlap; 0: as
    /// the transport recommends.
    std::size_t segment_bytes = 0;
};

namespace detail {

/// Scratch memory, kept between calls: a first touch of fresh pages costs more than many a collective.
class scratch_pool {
public:
    struct block {
        std::byte* memory = nullptr;
        std::size_t bytes = 0;
    };
    scratch_pool() = default;
    scratch_pool(scratch_pool const&) = delete;
    scratch_pool& operator=(scratch_pool const&) = delete;
    ~scratch_pool() {
        for (auto const& each : idle_) free(each);
    }

    /// At least that many bytes: the smallest idle block that fits, or a new one in place of the largest that does not.
    block take(std::size_t bytes) {
        if (bytes == 0) return {};
        auto best = idle_.end();
        for (auto at = idle_.begin(); at != idle_.end(); ++at)
            if (best == idle_.end() || (best->bytes < bytes ? at->bytes > best->bytes : at->bytes >= bytes && at->bytes < best->bytes))
                best = at;
        if (best != idle_.end()) {
            auto const found = *best;
            *best = idle_.back();
            idle_.pop_back();
            if (found.bytes >= bytes) return found;
            bytes = std::max(bytes, found.bytes / 2 * 3); // counts that change a little find enough next time
            free(found);
        }
        auto const size = (bytes + 4095) / 4096 * 4096;
        return {static_cast<std::byte*>(::operator new(size, alignment)), size};
    }
    void give_back(block const& what) {
        if (what.memory != nullptr) idle_.push_back(what);
    }

private:
    static constexpr std::align_val_t alignment{4096};
    static void free(block const& what) { ::operator delete(what.memory, alignment); }
    std::vector<block> idle_;
};

struct cached_program;

/// A collective that was started: an instance with its scratch memory, or a native operation.
struct task {
    std::unique_ptr<instance> run; ///< null for native operations
    std::shared_ptr<cached_program> home;
    scratch_pool::block scratch;
    std::shared_ptr<void const> keep; ///< what must live as long: a stateful operator
    std::uint64_t native_handle = 0;
    std::uint32_t slot = 0;
    collective what = collective::all_reduce;
    bool running = false;
};

/// A program and the tasks that ran it before.
struct cached_program {
    call_shape shape;
    choice how;
    std::shared_ptr<program const> code;
    std::vector<std::unique_ptr<task>> idle;
    std::uint64_t last_use = 0;
};

} // namespace detail

class context : public std::enable_shared_from_this<context> {
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
        if (epoch != epoch_) throw usage_error("chorus: this communicator or request is from before shrink(): use the new communicator");
    }
    /// Throws the first failure again, once there was one.
    void require_working() const {
        if (closed_) throw usage_error("chorus: the session of this communicator or request has ended");
        if (failure_) std::rethrow_exception(failure_);
    }

    /// The recorded program of that shape, from the cache or new.
    std::shared_ptr<detail::cached_program> find_program(call_shape const& shape, record_function algorithm, choice const& how);

    /// An idle task for the program.
    std::unique_ptr<detail::task> take_task(std::shared_ptr<detail::cached_program> const& home);

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

    /// Makes progress on all unfinished work of this context. True if anything happened. Throws where the context must
    /// give up.
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
    /// Drives everything until done() is true, at most `patience` without progress. `mine` is what is waited for, if it is
    /// a task.
    template <class Done>
    void wait_until(Done done, detail::task const* mine, std::chrono::milliseconds patience);
    /// Fails where the transport says so.
    void look_for_failure(detail::task const* mine);
    [[noreturn]] void give_up(std::exception_ptr why) {
        fail(why);
        std::rethrow_exception(failure_);
    }
    std::exception_ptr explain(transport_failure const& why, detail::task const* mine) const;
    std::exception_ptr explain_timeout(detail::task const* mine, std::chrono::milliseconds patience) const;
    std::string whom_to_blame(detail::task const& mine, place_of_failure const& where) const;
    place_of_failure place_of(detail::task const* mine) const;

    std::unique_ptr<any_transport> transport_;
    options options_;
    detail::scratch_pool scratch_;
    std::vector<std::shared_ptr<detail::cached_program>> programs_;
    std::vector<detail::task*> running_; ///< by slot; null where free
    std::size_t active_ = 0;
    std::bitset<most_communicators> numbers_;
    std::exception_ptr failure_;
    std::uint64_t uses_ = 0;
    std::uint32_t epoch_ = 0;
    bool closed_ = false;
    bool shared_progress_ = false;
    std::array<completion, 32> finished_; ///< what the last poll has found
};

inline std::shared_ptr<detail::cached_program> context::find_program(call_shape const& shape, record_function algorithm,
                                                                     choice const& how) {
    constexpr std::size_t most_programs = 512;
    for (auto const& each : programs_)
        if (each->shape == shape && each->how == how) {
            each->last_use = ++uses_;
            return each;
        }
    auto made = std::make_shared<detail::cached_program>();
    made->shape = shape;
    made->how = how;
    made->code = std::make_shared<program const>(record(shape, algorithm, how));
    made->last_use = ++uses_;
    if (programs_.size() >= most_programs) {
        auto const oldest = std::min_element(programs_.begin(), programs_.end(),
                                             [](auto const& a, auto const& b) { return a->last_use < b->last_use; });
        *oldest = made;
    } else {
        programs_.push_back(made);
    }
    return made;
}

inline std::unique_ptr<detail::task> context::take_task(std::shared_ptr<detail::cached_program> const& home) {
    if (!home->idle.empty()) {
        auto found = std::move(home->idle.back());
        home->idle.pop_back();
        found->home = home;
        return found;
    }
    auto made = std::make_unique<detail::task>();
    made->home = home;
    made->what = home->shape.what;
    made->run = std::make_unique<instance>(home->code, *transport_);
    return made;
}

inline void context::start(detail::task& what, void const* input, void* output, exchange const& ex,
                           std::span<int const> members) {
    require_working();
    if (what.scratch.bytes < what.run->scratch_bytes()) {
        scratch_.give_back(what.scratch);
        what.scratch = scratch_.take(what.run->scratch_bytes());
    }
    auto const free = std::find(running_.begin(), running_.end(), nullptr);
    what.slot = static_cast<std::uint32_t>(free - running_.begin());
    if (free == running_.end()) running_.push_back(&what);
    else *free = &what;
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
    if (auto const why = transport_->failure()) give_up(explain(*why, mine));
}

template <class Done>
void context::wait_until(Done done, detail::task const* mine, std::chrono::milliseconds patience) {
    constexpr int cheap_rounds = 128; // before looking at the clock
    int round = 0;
    auto last_progress = clock::time_point(), next_look = clock::time_point();
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
            if (now - last_progress > patience) give_up(explain_timeout(mine, patience));
        }
        transport_->idle(round, now + std::chrono::milliseconds(20));
    }
}

inline bool context::is_done(detail::task& what) {
    if (what.run) return what.run->done();
    if (what.native_handle != 0 && transport_->native()->test(what.native_handle)) what.native_handle = 0;
    return what.native_handle == 0;
}

inline void context::wait(detail::task& what, std::chrono::milliseconds patience) {
    wait_until([&] { return is_done(what); }, &what, patience);
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
    what.native_handle = transport_->native()->start(call);
}

inline void context::limit_in_flight(std::uint32_t communicator) {
    constexpr std::size_t most = 60;
    if (active_ < most) return;
    auto const in_flight = [&] {
        return static_cast<std::size_t>(std::count_if(running_.begin(), running_.end(), [&](detail::task const* each) {
            if (each == nullptr || each->run->done()) return false;
            auto const& ex = each->run->running();
            return ex.communicator == communicator && ex.sequence != 0;
        }));
    };
    wait_until([&] { return in_flight() < most; }, nullptr, options_.timeout);
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

inline place_of_failure context::place_of(detail::task const* mine) const {
    place_of_failure where;
    where.rank = rank();
    if (mine == nullptr || !mine->run) return where;
    auto const& plan = mine->run->what().plan();
    where.collective = name(plan.what);
    where.sequence = mine->run->running().sequence;
    where.algorithm = plan.algorithm;
    auto const waiting = mine->run->first_unfinished();
    if (waiting < 0) return where;
    auto const& s = plan.steps[static_cast<std::size_t>(waiting)];
    where.step = s.index;
    where.peer = mine->run->transport_rank(s.peer);
    where.bytes = mine->run->bytes_of(waiting);
    return where;
}

inline std::exception_ptr context::explain(transport_failure const& why, detail::task const* mine) const {
    auto where = place_of(mine);
    auto const culprit = "rank " + std::to_string(why.rank);
    switch (why.why) {
    case transport_failure::kind::mismatch: {
        auto const own = why.ours == 0 && mine != nullptr && mine->run ? mine->run->running().signature : why.ours;
        auto const ours = own != 0 ? describe_signature(own) : "this call", theirs = describe_signature(why.signature);
        auto text = describe(where) + ": calls do not match: rank " + std::to_string(rank()) + " calls " + ours + ", " +
                    culprit + " calls " + theirs;
        if (own == why.signature) text += "; " + culprit + " " + why.text;
        else if (ours == theirs) text += " (root, algorithm, counts or operator differ)";
        return std::make_exception_ptr(usage_error("chorus: " + text));
    }
    case transport_failure::kind::revoked:
        return std::make_exception_ptr(transport_error(culprit + " gave up: " + why.text, where));
    case transport_failure::kind::left:
        where.peer = why.rank;
        return std::make_exception_ptr(transport_error(culprit + " " + why.text, where));
    case transport_failure::kind::broken: break;
    }
    return std::make_exception_ptr(transport_error(why.text, where));
}

inline std::exception_ptr context::explain_timeout(detail::task const* mine, std::chrono::milliseconds patience) const {
    auto const where = place_of(mine);
    auto text = "no progress for " + std::to_string(patience.count()) + " ms";
    if (mine != nullptr && where.peer >= 0) text += ": " + whom_to_blame(*mine, where);
    return std::make_exception_ptr(timeout_error(text, where));
}

/// The rank that is waited for may itself wait for another: whoever has not come at all is named first.
inline std::string context::whom_to_blame(detail::task const& mine, place_of_failure const& where) const {
    auto const& ours = mine.run->running();
    auto const peer = "rank " + std::to_string(where.peer);
    for (int i = 0; ours.sequence != 0 && i < mine.run->what().plan().ranks; ++i) {
        auto const late = mine.run->transport_rank(i);
        if (late == rank()) continue;
        auto const last = transport_->last_entered(late);
        if (!last || last->communicator != ours.communicator || last->sequence >= ours.sequence) continue;
        return "rank " + std::to_string(late) + " never entered " + where.collective + " #" + std::to_string(ours.sequence) +
               (last->sequence == 0 ? "" : "; its last collective was #" + std::to_string(last->sequence) + ", " +
                                               describe_signature(last->signature));
    }
    auto const theirs = transport_->last_entered(where.peer);
    if (!theirs || (theirs->sequence == 0 && theirs->communicator == 0)) return "waiting for " + peer;
    return "waiting for " + peer + ", which last entered " + describe_signature(theirs->signature) +
           (theirs->communicator == ours.communicator ? "" : " on another communicator");
}

inline void context::fail(std::exception_ptr why) noexcept {
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

inline std::vector<int> context::renew() {
    if (closed_) require_working();
    if (!transport_->renewable())
        throw usage_error("chorus: the transport " + std::string(transport_->name()) + " cannot go on after a failure");
    auto const survivors = transport_->survivors(clock::now() + options_.timeout);
    if (survivors.empty())
        throw timeout_error("shrink: some rank has neither called it nor left within " + std::to_string(options_.timeout.count()) + " ms",
                            place_of(nullptr));
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
    auto const unfinished = [](detail::task const* each) { return each != nullptr && !each->run->done(); };
    if (!failure_ && std::any_of(running_.begin(), running_.end(), unfinished))
        fail(std::make_exception_ptr(usage_error("chorus: the session ended with unfinished requests")));
    closed_ = true;
}

} // namespace chorus
