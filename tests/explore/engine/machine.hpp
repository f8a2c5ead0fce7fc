#pragma once
/// Runs the fibers of one scenario, one at a time: what blocks whom, whose clock says what, and who has died.

#include "../../instrumented/accesses.hpp"
#include "explore.hpp"
#include "operation.hpp"
#include "races.hpp"
#include "search.hpp"

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chorus::testing::explore {

class machine {
public:
    machine(search& how, limits const& to);
    machine(machine const&) = delete;
    machine& operator=(machine const&) = delete;
    ~machine();

    /// One run. False where it was left half-way, since one like it was made before.
    bool run(std::function<void()> const& scenario);
    std::string const& fault() const { return fault_; }
    std::uint64_t steps() const { return steps_; }

    // The scenario.
    void add(std::function<void()> body, bool injects);
    void at_end(std::function<void()> check) { check_ = std::move(check); }

    // Of the fiber that runs.
    void before_atomic(access how, void const* where, void const* from);
    void after_atomic(access how, void const* where, int order, bool changed);
    void before_plain(bool writes, void const* where, std::size_t bytes, void const* from);
    void freed(void const* memory, std::size_t bytes, void const* from);
    void lock(void const* mutex, void const* from);
    void unlock(void const* mutex, void const* from);
    /// Sleeps on a condition variable. False where time has passed.
    bool sleep_unlocked(void const* condition, void const* mutex, void const* from);
    /// Sleeps on a futex.
    void sleep_while(std::uint32_t const* word, std::uint32_t value, void const* from);
    void wake(void const* what, bool all, void const* from);
    void yield(void const* from);
    std::int64_t clock_now();
    int choose(int count);
    bool looks_whether_dead(int rank, void const* from);
    void end(int rank);
    void stop(int rank, bool goes_on);
    int current() const { return current_; }
    [[noreturn]] void fail(std::string const& what);

private:
    struct fiber {
        ucontext_t context{};
        std::function<void()> body;
        operation next;
        std::byte* stack = nullptr;
        enum { ready, ended, dead } is = ready;
        bool injects = false;
        bool stopped = false;
        bool woken = false; ///< sleeps no longer
        bool late = false;  ///< and that because time has passed
        std::uint32_t turn = 0;
        void const* waits_for = nullptr;
        std::vector<std::pair<void const*, std::uint32_t>>
            has_read; ///< since it last yielded, and how often it had changed then
        std::int64_t clock = 0;
        vector_clock seen;                          ///< of the other fibers' steps
        std::array<std::uintptr_t, 2> exceptions{}; ///< what the C++ runtime keeps of those that are being handled
    };
    struct traced {
        int fiber;
        step what;
        void const* where;
        void const* from;
    };

    fiber& mine() { return fibers_[static_cast<std::size_t>(current_)]; }
    void reach(operation const& what);
    void go_on();
    void switch_to(int fiber);
    int pick();
    bool everybody_has_ended() const;
    bool is_enabled(fiber const& each) const;
    bool let_time_pass();
    bool is_locked(void const* mutex) const;
    void has_changed(void const* where);
    void has_read(fiber& who, void const* where);
    bool sees_change(fiber const& who);
    void fault(std::string const& what);
    std::string stuck() const;
    std::string trace() const;
    static void enter_fiber();
    static char const* text_of(step what);
    void const* life_of(int rank) const { return &lives_[static_cast<std::size_t>(rank)]; }

    static constexpr std::size_t stack_bytes = std::size_t{1} << 20;

    search* search_;
    limits limits_;
    std::array<fiber, most_fibers> fibers_;
    std::size_t count_ = 0;
    int current_ = -1;
    ucontext_t outside_{};
    std::function<void()> check_;
    std::vector<std::pair<void const*, int>> locks_;
    table<std::uint32_t> versions_; ///< how often an atomic has changed
    race_detector races_;
    std::array<char, most_fibers> lives_{};
    bool deaths_ = false; ///< some fiber may end or stop another
    bool redundant_ = false;
    int passed_deadlines_ = 0;
    std::uint32_t turns_ = 0;
    std::uint64_t steps_ = 0;
    std::vector<traced> trace_;
    std::string fault_;
};

/// The rank whose process this seems to be; -1: none.
int identity();
/// The machine whose fiber runs the program under test right now; null: hooks have nothing to do.
machine* running();
/// Code of the engine, in between.
class engine_room {
public:
    engine_room();
    engine_room(engine_room const&) = delete;
    engine_room& operator=(engine_room const&) = delete;
    ~engine_room();

private:
    bool before_;
};

} // namespace chorus::testing::explore
