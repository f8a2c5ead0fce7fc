#pragma once
/// Tasks: collectives that were started, and what is kept of them for the next call.

#include <chorus/algorithm/record.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/instance.hpp>
#include <chorus/runtime/preparation.hpp>
#include <chorus/transport/erased.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

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
        auto* best = idle_.end();
        for (auto* at = idle_.begin(); at != idle_.end(); ++at)
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
    plain_vector<block> idle_;
};

/// The collectives of a communicator that are under way, or its messages to or from one peer. They start in the order of their calls,
/// and a bounded number is in flight; the others wait here, not in their callers.
struct task_line {
    static constexpr std::size_t most = 60; ///< what fits into the tags of MPI

    std::size_t in_flight = 0; ///< started and not done
    bool preparing = false;    ///< the last one of them: those behind it wait, so that native calls start in the same order everywhere
    bool starting = false;     ///< start_queued is at work
    plain_vector<task*> queued;
    std::size_t next = 0; ///< the first of `queued` that still waits

    bool is_open() const { return queued.empty() && !preparing && in_flight < most; }
};

/// What a run works on.
struct run_arguments {
    void const* input = nullptr;
    void* output = nullptr;
    exchange ex;
    std::span<int const> members; ///< the schedule's ranks in the numbers of the transport; empty: the same
};

/// A collective that was started: an instance with its scratch memory, or a native operation.
struct task {
    std::unique_ptr<instance> run; ///< null for native operations
    std::shared_ptr<cached_program> home;
    scratch_pool::block scratch;
    std::shared_ptr<void const> keep; ///< what must live as long: a stateful operator
    std::function<void()> then;       ///< whom to tell when it is done; empty: nobody
    std::unique_ptr<preparation> before; ///< what the ranks tell each other first; null: never anything
    std::exception_ptr problem;       ///< why it came to nothing, where the context goes on
    run_arguments later;              ///< of a start that has to wait
    task_line* line = nullptr;        ///< where it counts as in flight, or waits; null where it does not (any more)
    std::uint64_t native_handle = 0; ///< one more than the handle; 0: none
    std::uint32_t slot = 0;
    collective what = collective::all_reduce;
    bool running = false;
    bool waits = false; ///< has to wait with its start, or for a message of its own rank

    task() = default;
    task(task const&) = delete;
    task& operator=(task const&) = delete;
    ~task();
    bool prepares() const { return before != nullptr && before->is_needed(); }
};

/// A message of a rank to itself. Sends are copied where their receive is not there yet; so at most one list has any.
struct own_send {
    std::uint64_t signature = 0;
    std::vector<std::byte> data;
};
struct own_receive {
    task* what = nullptr; ///< keeps this one
    std::uint64_t signature = 0;
    void* output = nullptr;
};
struct own_messages {
    std::deque<own_send> sends;
    std::deque<std::weak_ptr<own_receive>> receives;
};

/// A program and the tasks that ran it before.
struct cached_program {
    call_shape shape;
    choice how;
    std::shared_ptr<program const> code;
    std::vector<std::unique_ptr<task>> idle;
    std::uint64_t last_use = 0;
};

inline task::~task() = default;

/// An idle task of the program, or a new one.
inline std::unique_ptr<task> take_task(std::shared_ptr<cached_program> const& home, any_transport& over) {
    if (!home->idle.empty()) {
        auto found = std::move(home->idle.back());
        home->idle.pop_back();
        found->home = home;
        return found;
    }
    auto made = std::make_unique<task>();
    made->home = home;
    made->what = home->shape.what;
    made->run = std::make_unique<instance>(home->code, over);
    return made;
}

/// The programs of a context: a bounded number, the least recently used one goes first.
class program_cache {
public:
    /// The program of that shape, recorded where it is new.
    std::shared_ptr<cached_program> find(call_shape const& shape, record_function algorithm, choice const& how);
    std::size_t size() const { return programs_.size(); }

private:
    std::shared_ptr<cached_program> add(call_shape const& shape, record_function algorithm, choice const& how);

    std::vector<std::shared_ptr<cached_program>> programs_;
    std::uint64_t uses_ = 0;
};

[[gnu::cold]] inline std::shared_ptr<cached_program> program_cache::add(call_shape const& shape, record_function algorithm, choice const& how) {
    constexpr std::size_t most_programs = 512;
    auto made = std::make_shared<cached_program>();
    made->shape = shape;
    made->how = how;
    made->code = std::make_shared<program const>(record(shape, algorithm, how));
    made->last_use = ++uses_;
    if (programs_.size() >= most_programs) {
        auto* oldest = &programs_.front();
        for (auto& each : programs_)
            if (each->last_use < (*oldest)->last_use) oldest = &each;
        *oldest = made;
    } else {
        programs_.push_back(made);
    }
    return made;
}

inline std::shared_ptr<cached_program> program_cache::find(call_shape const& shape, record_function algorithm, choice const& how) {
    for (auto const& each : programs_)
        if (each->shape == shape && each->how == how) {
            each->last_use = ++uses_;
            return each;
        }
    return add(shape, algorithm, how);
}

} // namespace detail

} // namespace chorus
