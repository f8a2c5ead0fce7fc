#include "machine.hpp"

#include <cxxabi.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

namespace chorus::testing::explore {

std::string places_in_code(std::vector<void const*> const& places, std::size_t which);

namespace {

constexpr std::int64_t pause = 20'000'000; // nanoseconds
machine* the_machine = nullptr;
int seeming_rank = -1;
bool program_runs = false;      // a fiber, outside of the engine
bool program_allocates = false; // the same, or the scenario is being made or checked

arena& memory() {
    static arena only_one;
    return only_one;
}

/// The scenario's own code runs, outside of fibers.
template <class F>
void as_program(F f) {
    program_allocates = true;
    f();
    program_allocates = false;
}

void* allocate(std::size_t bytes, std::size_t alignment) {
    if (program_allocates) return memory().allocate(bytes, alignment);
    void* found = nullptr;
    if (::posix_memalign(&found, std::max(alignment, sizeof(void*)), std::max(bytes, std::size_t{1})) != 0)
        throw std::bad_alloc();
    return found;
}
void release(void* what, void const* from) noexcept {
    if (!memory().holds(what)) return std::free(what);
    if (auto* const machine = running()) machine->freed(what, memory().bytes_of(what), from);
}

} // namespace

int identity() { return program_runs ? the_machine->current() : seeming_rank; }
machine* running() { return program_runs ? the_machine : nullptr; }
engine_room::engine_room() : before_(program_runs) { program_runs = program_allocates = false; }
engine_room::~engine_room() { program_runs = program_allocates = before_; }

arena::arena() {
    auto* const found =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) throw std::bad_alloc();
    begin_ = static_cast<std::byte*>(found);
}
void* arena::allocate(std::size_t bytes, std::size_t alignment) {
    auto const begin = (used_ + sizeof(std::size_t) + alignment - 1) / alignment * alignment;
    if (begin + bytes > size) throw std::bad_alloc();
    used_ = begin + bytes;
    reinterpret_cast<std::size_t*>(begin_ + begin)[-1] = bytes;
    return begin_ + begin;
}

void outside_of_runs(std::function<void()> const& what) {
    auto const before = std::exchange(program_allocates, false);
    what();
    program_allocates = before;
}
void as_rank(int rank, std::function<void()> const& what) {
    seeming_rank = rank;
    what();
    seeming_rank = -1;
}

machine::machine(search& how, limits const& to) : search_(&how), limits_(to) {
    memory();
    for (auto& each : fibers_) {
        auto* const stack =
            ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stack == MAP_FAILED) throw std::bad_alloc();
        each.stack = static_cast<std::byte*>(stack);
    }
    the_machine = this;
}
machine::~machine() {
    the_machine = nullptr;
    for (auto& each : fibers_) ::munmap(each.stack, stack_bytes);
}

bool machine::run(std::function<void()> const& scenario) {
    count_ = 0;
    current_ = -1;
    deaths_ = redundant_ = false;
    passed_deadlines_ = 0;
    turns_ = 0;
    steps_ = 0;
    check_ = nullptr;
    locks_.clear();
    trace_.clear();
    versions_.forget_all();
    races_.begin();
    memory().forget_all();
    search_->begin();
    as_program(scenario);
    go_on(); // until all have ended
    if (fault_.empty() && check_) {
        try {
            check_(); // what it keeps outlives the run
        } catch (std::exception const& e) {
            fault(std::string("at the end: ") + e.what());
        }
    }
    as_program([&] {
        check_ = nullptr;
        for (auto& each : fibers_) each.body = nullptr;
    });
    return !redundant_;
}

void machine::add(std::function<void()> body, bool injects) {
    auto& made = fibers_.at(count_);
    auto* const stack = made.stack;
    made = {};
    made.stack = stack;
    made.body = std::move(body);
    made.injects = injects;
    deaths_ = deaths_ || injects;
    ::getcontext(&made.context);
    made.context.uc_stack.ss_sp = stack;
    made.context.uc_stack.ss_size = stack_bytes;
    ::makecontext(&made.context, &machine::enter_fiber, 0);
    if (injects || deaths_)
        for (std::size_t i = 0; i <= count_; ++i)
            if (fibers_[i].next.count == 0) fibers_[i].next.reads(life_of(static_cast<int>(i)));
    ++count_;
}

void machine::enter_fiber() {
    auto& self = *the_machine;
    auto const me = self.current_;
    try {
        program_runs = program_allocates = true;
        self.mine().body();
        program_runs = program_allocates = false;
    } catch (std::exception const& e) {
        program_runs = program_allocates = false;
        self.fault("rank " + std::to_string(me) + " threw: " + e.what());
    }
    self.mine().is = fiber::ended;
    self.go_on();
}

void machine::reach(operation const& what) {
    mine().next = what;
    if (deaths_ && !mine().injects) mine().next.reads(life_of(current_));
    go_on();
}
void machine::go_on() {
    auto const to = fault_.empty() ? pick() : -1;
    if (to != current_) switch_to(to);
}
void machine::switch_to(int to) {
    auto* const handled = reinterpret_cast<std::uintptr_t*>(abi::__cxa_get_globals());
    auto& from = current_ >= 0 ? mine().context : outside_;
    if (current_ >= 0) mine().exceptions = {handled[0], handled[1]};
    current_ = to;
    auto const kept = to >= 0 ? mine().exceptions : std::array<std::uintptr_t, 2>{};
    handled[0] = kept[0];
    handled[1] = kept[1];
    ::swapcontext(&from, to >= 0 ? &mine().context : &outside_);
}

bool machine::everybody_has_ended() const {
    return std::all_of(fibers_.begin(), fibers_.begin() + static_cast<std::ptrdiff_t>(count_),
                       [](fiber const& each) { return each.is != fiber::ready; });
}
bool machine::is_locked(void const* mutex) const {
    return std::any_of(locks_.begin(), locks_.end(), [&](auto const& each) { return each.first == mutex; });
}
bool machine::is_enabled(fiber const& each) const {
    if (each.is != fiber::ready || each.stopped) return false;
    switch (each.next.what) {
    case step::locks:
        return !is_locked(reinterpret_cast<void const*>(each.next.touched[0].where));
    case step::yields:
        return each.woken;
    case step::wakes_up:
        return (each.woken || each.late) && (each.next.count == 0 || each.next.touched[0].how == operation::use::read ||
                                             !is_locked(reinterpret_cast<void const*>(each.next.touched[0].where)));
    default:
        return true;
    }
}

/// Who goes on; -1: nobody, the run is over.
int machine::pick() {
    constexpr std::uint64_t most_steps = 200'000;
    for (;;) {
        if (everybody_has_ended()) return -1;
        if (steps_ > most_steps) {
            fault("the ranks go on for ever");
            return -1;
        }
        situation now{0, 0, current_, nullptr};
        std::array<operation, most_fibers> next;
        auto rank_waits = false, rank_stands_still = false;
        for (std::size_t i = 0; i < count_; ++i) {
            auto const& each = fibers_[i];
            next[i] = each.next;
            if (is_enabled(each)) now.enabled |= only(static_cast<int>(i));
            if (each.injects) now.injectors |= only(static_cast<int>(i));
            auto const goes_on = each.is == fiber::ready && !each.injects;
            rank_waits = rank_waits || goes_on;
            rank_stands_still = rank_stands_still || (goes_on && each.stopped);
        }
        now.next = &next;
        if ((now.enabled & ~now.injectors) == 0 && rank_waits && !rank_stands_still) { // a death must not be what helps
            if (let_time_pass()) continue;
            fault("all ranks wait, and nothing will happen:" + stuck());
            return -1;
        }
        auto chosen = redundant_ ? search::redundant : search_->pick(now);
        if (chosen == exhaustive_search::not_reproducible) {
            fault("the scenario is not the same each time");
            return -1;
        }
        if (chosen == search::redundant) {
            redundant_ = true;
            chosen = current_ >= 0 && (now.enabled & only(current_)) != 0 ? current_ : first_of(now.enabled);
        }
        auto& taken = fibers_[static_cast<std::size_t>(chosen)];
        if (!redundant_) search_->made(chosen, taken.next, taken.seen);
        ++steps_;
        trace_.push_back(
            {chosen, taken.next.what, reinterpret_cast<void const*>(taken.next.touched[0].where), taken.next.from});
        return chosen;
    }
}

bool machine::let_time_pass() {
    if (passed_deadlines_ == limits_.passing_deadlines) return false;
    ++passed_deadlines_;
    vector_clock all;
    for (std::size_t i = 0; i < count_; ++i) all.join(fibers_[i].seen);
    for (std::size_t i = 0; i < count_; ++i) {
        auto& each = fibers_[i];
        each.clock += 10'000'000'000;
        each.seen.join(all);
        each.woken = each.woken || each.next.what == step::yields;
        each.late = each.late || each.next.what == step::wakes_up;
    }
    return true;
}

void machine::has_read(fiber& who, void const* where) {
    auto const version = versions_[reinterpret_cast<std::uintptr_t>(where)];
    for (auto& each : who.has_read)
        if (each.first == where)
            return; // what it read first counts: the rest of the loop may have been decided by that
    who.has_read.emplace_back(where, version);
}
bool machine::sees_change(fiber const& who) {
    return std::any_of(who.has_read.begin(), who.has_read.end(), [&](auto const& each) {
        return versions_[reinterpret_cast<std::uintptr_t>(each.first)] != each.second;
    });
}
void machine::has_changed(void const* where) {
    auto const before = versions_[reinterpret_cast<std::uintptr_t>(where)]++;
    for (auto& each : mine().has_read) // its own change is no news to it
        if (each.first == where && each.second == before) ++each.second;
    for (std::size_t i = 0; i < count_; ++i) {
        auto& each = fibers_[i];
        if (each.next.what != step::yields || each.woken || static_cast<int>(i) == current_ || !sees_change(each))
            continue;
        each.woken = true;
        each.seen.join(mine().seen);
    }
}

void machine::before_atomic(access how, void const* where, void const* from) {
    engine_room const here;
    operation what(how == access::load ? step::loads : how == access::store ? step::stores : step::updates, from);
    if (how == access::load)
        what.reads(where);
    else
        what.writes(where);
    reach(what);
}
void machine::after_atomic(access how, void const* where, int order, bool changed) {
    engine_room const here;
    races_.atomic_access(current_, how != access::store, how != access::load, where, order);
    if (changed) has_changed(where);
    if (how != access::store || changed) has_read(mine(), where);
}
void machine::before_plain(bool writes, void const* where, std::size_t bytes, void const* from) {
    engine_room const here;
    auto const* const at = static_cast<std::byte const*>(where);
    if (bytes == 0 || (at >= mine().stack && at < mine().stack + stack_bytes)) return;
    if (auto const found = races_.plain_access(current_, writes, where, bytes, from); found.other >= 0 || found.freed) {
        trace_.push_back({current_, writes ? step::stores : step::loads, found.where, from});
        fault("rank " + std::to_string(current_) + (writes ? " writes" : " reads") + " memory that " +
              (found.freed ? "was freed by rank " : "is not handed over by rank ") + std::to_string(found.other) +
              (found.from != nullptr ? ", which wrote it at " + places_in_code({found.from}, 0)
                                     : std::string(", which read it")) +
              ", at " + places_in_code({from}, 0));
        go_on();
    }
}
void machine::freed(void const* memory_there, std::size_t bytes, void const* from) {
    engine_room const here;
    if (auto const found = races_.plain_access(current_, true, memory_there, bytes, from, true); found.other >= 0) {
        fault("rank " + std::to_string(current_) + " frees memory that rank " + std::to_string(found.other) +
              " uses, at " + places_in_code({from}, 0));
        go_on();
    }
}
void machine::lock(void const* mutex, void const* from) {
    engine_room const here;
    reach(operation(step::locks, from).writes(mutex));
    locks_.emplace_back(mutex, current_);
    races_.acquires(current_, mutex);
}
void machine::unlock(void const* mutex, void const* from) {
    engine_room const here;
    reach(operation(step::unlocks, from).releases(mutex));
    std::erase_if(locks_, [&](auto const& each) { return each.first == mutex; });
    races_.releases(current_, mutex);
}
bool machine::sleep_unlocked(void const* condition, void const* mutex, void const* from) {
    engine_room const here;
    reach(operation(step::sleeps, from).writes(condition).releases(mutex));
    std::erase_if(locks_, [&](auto const& each) { return each.first == mutex; });
    races_.releases(current_, mutex);
    auto& me = mine();
    me.waits_for = condition;
    me.woken = me.late = false;
    me.turn = ++turns_;
    reach(operation(step::wakes_up, from).writes(mutex));
    locks_.emplace_back(mutex, current_);
    races_.acquires(current_, mutex);
    me.waits_for = nullptr;
    me.clock += pause;
    return !me.late;
}
void machine::sleep_while(std::uint32_t const* word, std::uint32_t value, void const* from) {
    engine_room const here;
    auto const* const queue = reinterpret_cast<std::byte const*>(word) + 1;
    reach(operation(step::sleeps, from).reads(word).writes(queue));
    if (*word != value) return;
    auto& me = mine();
    me.waits_for = queue;
    me.woken = me.late = false;
    me.turn = ++turns_;
    reach(operation(step::wakes_up, from));
    me.waits_for = nullptr;
    me.clock += pause;
}
void machine::wake(void const* what, bool all, void const* from) {
    engine_room const here;
    reach(operation(step::wakes_others, from).writes(what));
    for (;;) {
        fiber* oldest = nullptr;
        for (std::size_t i = 0; i < count_; ++i)
            if (auto& each = fibers_[i];
                each.waits_for == what && !each.woken && (oldest == nullptr || each.turn < oldest->turn))
                oldest = &each;
        if (oldest == nullptr) return;
        oldest->woken = true;
        oldest->seen.join(mine().seen);
        if (!all) return;
    }
}
void machine::yield(void const* from) {
    engine_room const here;
    auto& me = mine();
    me.woken = sees_change(me);
    reach(operation(step::yields, from));
    me.has_read.clear();
    me.clock += pause;
}
std::int64_t machine::clock_now() { return mine().clock += 1000; }
int machine::choose(int count) {
    engine_room const here;
    auto const chosen = redundant_ ? 0 : search_->choose(count);
    trace_.push_back(
        {current_, step::chooses, reinterpret_cast<void const*>(static_cast<std::uintptr_t>(chosen)), nullptr});
    return chosen;
}

bool machine::looks_whether_dead(int rank, void const* from) {
    engine_room const here;
    reach(operation(step::looks, from).reads(life_of(rank)));
    has_read(mine(), life_of(rank));
    auto const dead = fibers_[static_cast<std::size_t>(rank)].is == fiber::dead;
    if (dead) races_.joins(current_, rank);
    return dead;
}
void machine::end(int rank) {
    engine_room const here;
    reach(operation(step::ends_another, nullptr).writes(life_of(rank)));
    auto& other = fibers_[static_cast<std::size_t>(rank)];
    if (other.is != fiber::ready) return;
    other.is = fiber::dead;
    has_changed(life_of(rank));
}
void machine::stop(int rank, bool goes_on) {
    engine_room const here;
    reach(operation(goes_on ? step::resumes_another : step::stops_another, nullptr).writes(life_of(rank)));
    fibers_[static_cast<std::size_t>(rank)].stopped = !goes_on;
}
void machine::fail(std::string const& what) {
    engine_room const here;
    fault("rank " + std::to_string(current_) + ": " + what);
    go_on();
    std::terminate(); // nobody comes back here
}

void machine::fault(std::string const& what) {
    if (fault_.empty()) fault_ = what + "\n" + trace();
}
std::string machine::stuck() const {
    std::string text;
    for (std::size_t i = 0; i < count_; ++i)
        if (auto const& each = fibers_[i]; each.is == fiber::ready && !each.injects)
            text += "\n  rank " + std::to_string(i) + " " + text_of(each.next.what) + " at " +
                    places_in_code({each.next.from}, 0);
    return text;
}
char const* machine::text_of(step what) {
    constexpr std::array names{"begins",       "loads",        "stores",           "updates",
                               "locks",        "unlocks",      "sleeps",           "wakes up",
                               "wakes others", "yields",       "chooses",          "looks whether alive",
                               "ends a rank",  "stops a rank", "lets a rank go on"};
    return names[static_cast<std::size_t>(what)];
}
std::string machine::trace() const {
    std::vector<void const*> places;
    for (auto const& each : trace_) places.push_back(each.from);
    std::string text;
    constexpr std::size_t most = 400;
    for (std::size_t i = trace_.size() > most ? trace_.size() - most : 0; i < trace_.size(); ++i) {
        auto const& each = trace_[i];
        text +=
            (each.fiber < 0 ? std::string("  ") : "  rank " + std::to_string(each.fiber)) + " " + text_of(each.what);
        if (each.what == step::chooses)
            text += " " + std::to_string(reinterpret_cast<std::uintptr_t>(each.where));
        else if (each.where != nullptr)
            text += " ..." + std::to_string(reinterpret_cast<std::uintptr_t>(each.where) & 0xffffffu);
        text += "  " + places_in_code(places, i) + "\n";
    }
    return text;
}

} // namespace chorus::testing::explore

using namespace chorus::testing::explore;

void* operator new(std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* what) noexcept { release(what, __builtin_return_address(0)); }
void operator delete[](void* what) noexcept { release(what, __builtin_return_address(0)); }
void operator delete(void* what, std::size_t) noexcept { release(what, __builtin_return_address(0)); }
void operator delete[](void* what, std::size_t) noexcept { release(what, __builtin_return_address(0)); }
void operator delete(void* what, std::align_val_t) noexcept { release(what, __builtin_return_address(0)); }
void operator delete[](void* what, std::align_val_t) noexcept { release(what, __builtin_return_address(0)); }
void operator delete(void* what, std::size_t, std::align_val_t) noexcept { release(what, __builtin_return_address(0)); }
void operator delete[](void* what, std::size_t, std::align_val_t) noexcept {
    release(what, __builtin_return_address(0));
}
