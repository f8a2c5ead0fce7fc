/// Registrations that are kept, and how freed memory is noticed.

#include "support/ranks.hpp"
#include "support/sanitized.hpp"
#include "support/seed.hpp"

#include <chorus/transport/detail/memory_monitor.hpp>
#include <chorus/transport/detail/registration_cache.hpp>

#include <catch2/catch.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace chorus;
using namespace chorus::testing;
using detail::address_range;

namespace {

constexpr std::size_t page = 4096;
constexpr std::uintptr_t base = 16 * page;
constexpr std::size_t pages = 64;

/// Memory of which only the bookkeeping exists: each page has a generation that changes when it is mapped anew.
struct fake_memory {
    std::array<int, pages> generation{}, watchers{};
    std::array<bool, pages> armed{};
    std::deque<address_range> events;
    std::size_t most_events = 1000;
    bool watchable = true;

    template <class F>
    void each(address_range const& where, F f) {
        for (auto at = where.begin; at < where.end; at += page) f((at - base) / page);
    }
    void map_anew(address_range const& where) {
        auto told = false;
        each(where, [&](std::size_t i) {
            ++generation[i];
            told = std::exchange(armed[i], false) || told;
        });
        if (told) events.push_back(where);
    }
};

/// A monitor as the real one behaves: what was mapped anew is watched no longer.
struct fake_monitor {
    struct subscriber {};
    fake_memory* memory;

    static std::shared_ptr<fake_monitor> shared() { return nullptr; }
    void subscribe(subscriber&) {}
    void unsubscribe(subscriber&) {}
    bool watch(address_range const& where) {
        if (!memory->watchable) return false;
        memory->each(where, [&](std::size_t i) {
            ++memory->watchers[i];
            memory->armed[i] = true;
        });
        return true;
    }
    void unwatch(address_range const& where) {
        memory->each(where, [&](std::size_t i) {
            if (--memory->watchers[i] == 0) memory->armed[i] = false;
        });
    }
    template <class Visit>
    void collect(subscriber&, Visit&& visit) {
        if (memory->events.size() > memory->most_events) {
            memory->events.clear();
            visit(address_range{0, ~std::uintptr_t{0}});
        }
        for (; !memory->events.empty(); memory->events.pop_front()) visit(memory->events.front());
    }
};

struct fake_registration {
    int number = -1;
    address_range where;
    std::vector<int> generation;
};
struct fake_registrar {
    using handle = fake_registration;
    struct state {
        fake_memory* memory;
        std::set<int> living;
        int made = 0;
        std::size_t most = ~std::size_t{0};
    };
    state* of;

    handle add(std::byte* at, std::size_t bytes) {
        if (of->living.size() >= of->most) throw transport_error("chorus: the device is full", {});
        auto const begin = reinterpret_cast<std::uintptr_t>(at);
        require(begin % page == 0 && bytes % page == 0 && bytes > 0);
        handle made{of->made++, {begin, begin + bytes}, {}};
        if (of->memory != nullptr) of->memory->each(made.where, [&](std::size_t i) { made.generation.push_back(of->memory->generation[i]); });
        of->living.insert(made.number);
        return made;
    }
    void remove(handle known) { require(of->living.erase(known.number) == 1); }
};
using fake_cache = detail::registration_cache<fake_registrar, fake_monitor>;

std::byte* at(std::size_t offset) { return reinterpret_cast<std::byte*>(base + offset); }

/// Whether the registration is of what is mapped there now.
bool is_current(fake_registration const& known, fake_memory& memory, std::byte* begin, std::size_t bytes) {
    auto const asked = detail::pages_of(begin, bytes, page);
    if (!known.where.contains(asked)) return false;
    auto right = true;
    memory.each(asked, [&](std::size_t i) {
        auto const place = (base + i * page - known.where.begin) / page;
        right = right && known.generation[place] == memory.generation[i];
    });
    return right;
}

} // namespace

TEST_CASE("a range of addresses becomes whole pages", "[transport][registration]") {
    CHECK(detail::pages_of(at(0), 1, page) == address_range{base, base + page});
    CHECK(detail::pages_of(at(0), 0, page) == address_range{base, base + page});
    CHECK(detail::pages_of(at(page - 1), 2, page) == address_range{base, base + 2 * page});
    CHECK(detail::pages_of(at(page), page, page) == address_range{base + page, base + 2 * page});
}

TEST_CASE("counts of addresses are those of a plain array", "[transport][registration]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    detail::address_counts counts;
    std::array<int, 50> plain{};
    std::vector<address_range> added;
    for (int step = 0; step < 3000; ++step) {
        if (added.empty() || (random() % 5 < 3 && step < 2000)) {
            auto const begin = random() % 49, end = begin + 1 + random() % (50 - begin);
            added.push_back({begin, end});
            counts.add(added.back());
            for (auto i = begin; i < added.back().end; ++i) ++plain[i];
            continue;
        }
        auto const which = random() % added.size();
        auto const gone = added[which];
        added.erase(added.begin() + static_cast<std::ptrdiff_t>(which));
        std::set<std::uintptr_t> told, expected;
        counts.remove(gone, [&](address_range const& alone) {
            for (auto i = alone.begin; i < alone.end; ++i) told.insert(i);
        });
        for (auto i = gone.begin; i < gone.end; ++i)
            if (--plain[i] == 0) expected.insert(i);
        REQUIRE(told == expected);
        REQUIRE(counts.empty() == added.empty());
    }
}

TEST_CASE("a registration serves what it contains and is kept", "[transport][registration]") {
    fake_memory memory;
    fake_registrar::state device{&memory, {}};
    fake_cache cache({&device}, {16 * page, 4}, std::make_shared<fake_monitor>(fake_monitor{&memory}));
    auto const number = [&](std::size_t offset, std::size_t bytes) { return cache.get(at(offset), bytes).key().number; };
    auto const whole = number(0, 4 * page);
    CHECK(number(page, page) == whole);
    CHECK(number(4 * page - 1, 1) == whole);
    CHECK(number(3 * page, 2 * page) != whole);
    CHECK(number(3 * page, page) != whole); // the entry that begins last
    CHECK(number(0, 4 * page) == whole);
    CHECK(device.living.size() == 2);
    auto const larger = number(0, 5 * page);
    CHECK(number(3 * page, 2 * page) == larger); // what it contains is superseded
    CHECK(device.living.size() == 1);
    CHECK(cache.bytes() == 5 * page);
    cache.clear();
    CHECK(device.living.empty());
}

TEST_CASE("the least recently used registration leaves; those in use stay", "[transport][registration]") {
    fake_memory memory;
    fake_registrar::state device{&memory, {}};
    fake_cache cache({&device}, {16 * page, 3}, std::make_shared<fake_monitor>(fake_monitor{&memory}));
    auto const number = [&](std::size_t i) { return cache.get(at(2 * i * page), page).key().number; };
    auto const a = number(0), b = number(1), c = number(2);
    CHECK(number(0) == a);
    number(3); // one has to go: b
    CHECK(number(0) == a);
    CHECK(number(2) == c);
    CHECK(number(1) != b);
    std::vector<fake_cache::lease> held;
    for (std::size_t i = 10; i < 16; ++i) held.push_back(cache.get(at(2 * i * page), page));
    CHECK(cache.size() == 6); // more than the limit: they are in use
    held.clear();
    CHECK(cache.size() == 3);
    CHECK(cache.bytes() == 3 * page);
    // By bytes; what is larger than the limit lives as long as its lease.
    number(20);
    { auto const large = cache.get(at(0), 16 * page + 1); }
    CHECK(cache.size() == 0);
    CHECK(device.living.empty());
}

TEST_CASE("what is pinned stays, serves others and is outside the limits", "[transport][registration]") {
    auto const watched = GENERATE(true, false);
    fake_memory memory;
    fake_registrar::state device{&memory, {}};
    fake_cache cache({&device}, {2 * page, 2}, watched ? std::make_shared<fake_monitor>(fake_monitor{&memory}) : nullptr);
    auto mine = cache.pin(at(0), 8 * page);
    for (std::size_t i = 20; i < 30; ++i) cache.get(at(i * page), page);
    CHECK(cache.get(at(5 * page), page).key().number == mine.key().number);
    CHECK(cache.get(at(6 * page), page).key().number == mine.key().number);
    CHECK(cache.bytes() == (watched ? 2 * page : 0));
    auto other = cache.get(at(7 * page), page);
    auto const pinned = mine.key().number;
    mine.reset();
    CHECK(device.living.count(pinned) == 1); // until its last message is through
    CHECK(cache.get(at(5 * page), page).key().number != pinned);
    other.reset();
    CHECK(device.living.count(pinned) == 0);
    auto const inside = cache.get(at(40 * page), 2 * page).key().number;
    auto again = cache.pin(at(40 * page), page);
    again.reset();
    CHECK((cache.get(at(40 * page), 2 * page).key().number == inside) == watched);
}

TEST_CASE("where nothing can be watched nothing is kept", "[transport][registration]") {
    fake_memory memory;
    memory.watchable = false;
    fake_registrar::state device{&memory, {}};
    auto const monitor = GENERATE_REF(std::shared_ptr<fake_monitor>(), std::make_shared<fake_monitor>(fake_monitor{&memory}));
    fake_cache cache({&device}, {}, monitor);
    { auto const one = cache.get(at(0), page), other = cache.get(at(0), page); CHECK(one.key().number != other.key().number); }
    CHECK(device.living.empty());
}

TEST_CASE("a full device gets room, and then says what is wrong", "[transport][registration]") {
    fake_memory memory;
    fake_registrar::state device{&memory, {}};
    fake_cache cache({&device}, {}, std::make_shared<fake_monitor>(fake_monitor{&memory}));
    device.most = 2;
    for (std::size_t i = 0; i < 8; ++i) cache.get(at(i * page), page);
    CHECK(device.living.size() <= 2);
    auto const one = cache.get(at(0), page), other = cache.get(at(page), page);
    CHECK(outcome_of([&] { cache.get(at(2 * page), page); }).has("the device is full"));
    CHECK(memory.watchers[2] == 0);
    CHECK(cache.size() == 2);
}

TEST_CASE("no lease is of memory that was freed, whatever happens", "[transport][registration]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    auto const below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    struct held {
        fake_cache::lease lease;
        address_range where;
    };
    for (int round = 0; round < 60; ++round) {
        fake_memory memory;
        memory.most_events = below(3) == 0 ? 2 : 1000;
        fake_registrar::state device{&memory, {}};
        detail::registration_limits const limits{(1 + below(40)) * page, 1 + below(8)};
        {
            fake_cache cache({&device}, limits, std::make_shared<fake_monitor>(fake_monitor{&memory}));
            std::vector<held> leases;
            for (int step = 0; step < 800; ++step) {
                auto const begin = below(pages * page), bytes = 1 + below(std::min<std::size_t>(pages * page - begin, 9 * page));
                auto const where = detail::pages_of(at(begin), bytes, page);
                auto const what = below(10);
                memory.watchable = below(20) != 0;
                if (what < 5) {
                    auto one = below(12) == 0 ? cache.pin(at(begin), bytes) : cache.get(at(begin), bytes);
                    REQUIRE(is_current(one.key(), memory, at(begin), bytes));
                    if (below(3) > 0) leases.push_back({std::move(one), where});
                } else if (what < 8 && !leases.empty()) {
                    leases.erase(leases.begin() + static_cast<std::ptrdiff_t>(below(leases.size())));
                } else if (what == 8) { // nobody frees what is in use
                    auto const used = std::any_of(leases.begin(), leases.end(), [&](held const& each) { return each.where.meets(where); });
                    if (!used) memory.map_anew(where);
                } else if (below(20) == 0) {
                    cache.clear();
                }
                for (auto const& each : leases) REQUIRE(device.living.count(each.lease.key().number) == 1);
                REQUIRE(device.living.size() == cache.size());
                REQUIRE(cache.size() <= std::max(limits.entries, std::size_t{1}) + leases.size());
                if (leases.empty()) REQUIRE(cache.bytes() <= limits.bytes);
            }
        }
        CHECK(device.living.empty());
        CHECK(std::all_of(memory.watchers.begin(), memory.watchers.end(), [](int count) { return count == 0; }));
    }
}

namespace {

struct mapping {
    std::byte* begin;
    std::size_t bytes;
    explicit mapping(std::size_t size, std::byte* where = nullptr)
        : begin(static_cast<std::byte*>(::mmap(where, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (where != nullptr ? MAP_FIXED : 0), -1, 0))),
          bytes(size) {
        require(begin != MAP_FAILED);
        for (std::size_t i = 0; i < bytes; i += page) begin[i] = std::byte{1};
    }
    void unmap() { ::munmap(begin, bytes); }
};
using real_cache = detail::registration_cache<fake_registrar>;

bool can_watch() {
    if (detail::memory_monitor::shared()->available()) return true;
    WARN("SKIPPED: this process may have no userfaultfd; the monitor of real memory is not tested here");
    return false;
}

} // namespace

TEST_CASE("memory that is unmapped, moved or emptied is noticed", "[transport][registration]") {
    if (!can_watch()) return;
    fake_registrar::state device{nullptr, {}};
    real_cache cache({&device});
    mapping memory(8 * page);
    auto const number = [&](std::size_t i, std::size_t count = 1) { return cache.get(memory.begin + i * page, count * page).key().number; };
    auto const first = number(0, 8);
    CHECK(number(3) == first);
    memory.unmap();
    memory = mapping(8 * page, memory.begin); // the same address
    auto const second = number(0, 8);
    CHECK(second != first);
    CHECK(number(0, 8) == second);
    mapping(8 * page, memory.begin); // mapped over
    auto const third = number(0, 8);
    CHECK(third != second);
    ::munmap(memory.begin + 7 * page, page); // a part of it
    auto const fourth = number(0, 7);
    CHECK(fourth != third);
    ::madvise(memory.begin + 2 * page, page, MADV_DONTNEED);
    auto const fifth = number(0, 7);
    CHECK(fifth != fourth);
    auto* const moved = ::mremap(memory.begin, 7 * page, 7 * page, MREMAP_MAYMOVE | MREMAP_FIXED, mapping(7 * page).begin);
    REQUIRE(moved != MAP_FAILED);
    memory = mapping(7 * page, memory.begin);
    auto const sixth = number(0, 7);
    CHECK(sixth != fifth);
    CHECK(number(0, 7) == sixth);
    CHECK(cache.counts().invalidated >= 5);
    ::munmap(moved, 7 * page);
    memory.unmap();
    cache.tidy();
    CHECK(device.living.empty());
}

TEST_CASE("memory of the heap that is freed and given out again is registered anew", "[transport][registration]") {
    if (!can_watch() || CHORUS_SANITIZED) return; // its allocator keeps freed memory
    fake_registrar::state device{nullptr, {}};
    real_cache cache({&device});
    constexpr std::size_t large = std::size_t{40} << 20; // malloc always maps so much, and free unmaps it
    auto seen_again = 0;
    std::set<std::pair<std::byte*, int>> seen;
    std::set<std::byte*> addresses;
    for (int i = 0; i < 50; ++i) {
        std::unique_ptr<std::byte[]> const memory(new std::byte[large]);
        memory[0] = std::byte{1};
        seen_again += addresses.insert(memory.get()).second ? 0 : 1;
        CHECK(seen.emplace(memory.get(), cache.get(memory.get(), large).key().number).second);
    }
    CHECK(seen_again > 0);
    CHECK(device.living.size() <= 1);
}

TEST_CASE("several watchers of the same pages each hear of it, and more events than fit are all events", "[transport][registration]") {
    if (!can_watch()) return;
    fake_registrar::state one_device{nullptr, {}}, other_device{nullptr, {}};
    real_cache one({&one_device});
    mapping memory(4 * page);
    auto const stale = one.get(memory.begin, 4 * page).key().number;
    {
        real_cache other({&other_device});
        other.get(memory.begin + page, 2 * page);
        memory.unmap();
        memory = mapping(4 * page, memory.begin);
        other.tidy();
        CHECK(other_device.living.empty());
        other.get(memory.begin + page, 2 * page); // and leaves again: what the first one watches stays watched
    }
    auto const fresh = one.get(memory.begin, 4 * page).key().number;
    CHECK(fresh != stale);
    CHECK(one.get(memory.begin, 4 * page).key().number == fresh);
    for (int i = 0; i < 1000; ++i) ::madvise(memory.begin, page, MADV_DONTNEED);
    CHECK(one.get(memory.begin, 4 * page).key().number != fresh);
    memory.unmap();
    one.tidy();
    CHECK(one_device.living.empty());
}

TEST_CASE("threads that map and unmap never get a stale registration", "[transport][registration]") {
    if (!can_watch()) return;
    std::atomic<int> wrong{0}, reused{0};
    std::vector<std::thread> threads;
    std::atomic<std::uintptr_t> freed{0};
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            fake_registrar::state device{nullptr, {}};
            real_cache cache({&device});
            std::set<std::pair<std::byte*, int>> seen;
            for (int i = 0; i < 300; ++i) {
                mapping memory(16 * page);
                if (freed.load() == reinterpret_cast<std::uintptr_t>(memory.begin)) ++reused;
                // Every mapping is new, so every registration has to be.
                if (!seen.emplace(memory.begin, cache.get(memory.begin, memory.bytes).key().number).second) ++wrong;
                freed = reinterpret_cast<std::uintptr_t>(memory.begin);
                memory.unmap();
            }
            cache.tidy();
            if (!device.living.empty()) ++wrong;
        });
    for (auto& each : threads) each.join();
    CHECK(wrong == 0);
    CHECK(reused > 0);
}

TEST_CASE("a forked child unmaps what its parent watches, and has a monitor of its own", "[transport][registration]") {
    if (!can_watch() || CHORUS_SANITIZED) return; // a child may not start threads there
    fake_registrar::state device{nullptr, {}};
    real_cache cache({&device});
    mapping memory(4 * page);
    auto const before = cache.get(memory.begin, 4 * page).key().number;
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(20);
        memory.unmap();
        auto const own = detail::memory_monitor::shared();
        fake_registrar::state mine{nullptr, {}};
        real_cache another({&mine});
        mapping fresh(4 * page);
        auto const first = another.get(fresh.begin, page).key().number;
        fresh.unmap();
        fresh = mapping(4 * page, fresh.begin);
        ::_exit(own->available() && another.get(fresh.begin, page).key().number != first ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(cache.get(memory.begin, 4 * page).key().number == before);
    memory.unmap();
}
