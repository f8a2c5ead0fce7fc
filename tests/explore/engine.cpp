/// The explorer itself: it sees each order once, and the faults that are there.

#include "explore/engine/explore.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

using namespace chorus::testing;
using explore::add_rank;

namespace {

bool has(explore::outcome const& found, std::string const& words) {
    UNSCOPED_INFO(found.fault);
    return found.fault.find(words) != std::string::npos;
}

/// Each of so many ranks stores so often.
explore::outcome stores(int ranks, int times, bool to_one_place) {
    return explore::explore({}, [=] {
        auto const places = std::make_shared<std::array<std::atomic<int>, 4>>();
        for (int rank = 0; rank < ranks; ++rank)
            add_rank([=] {
                for (int i = 0; i < times; ++i)
                    (*places)[static_cast<std::size_t>(to_one_place ? 0 : rank)].store(i + 10 * rank);
            });
    });
}

} // namespace

TEST_CASE("every order of dependent steps is run once, of independent ones one", "[explore/engine]") {
    CHECK(stores(2, 2, true).runs == 6); // 4! / (2! 2!)
    CHECK(stores(2, 4, true).runs == 70);
    CHECK(stores(3, 2, true).runs == 90);
    CHECK(stores(3, 3, false).runs == 1);
    CHECK(stores(2, 4, true).complete);
}

TEST_CASE("a bound of preemptions leaves out what needs more", "[explore/engine]") {
    auto const runs_with = [](int preemptions) {
        std::set<int> ends;
        auto const found = explore::explore({.preemptions = preemptions}, [&] {
            auto const sum = std::make_shared<std::atomic<int>>(0);
            for (int rank = 0; rank < 2; ++rank)
                add_rank([=] {
                    for (int i = 0; i < 2; ++i) sum->store(sum->load() + 1);
                });
            explore::at_end([&, sum] { ends.insert(sum->load()); });
        });
        CHECK(found.complete);
        return ends;
    };
    CHECK(runs_with(0) == std::set{4});
    CHECK(runs_with(1) == std::set{2, 4});
    CHECK(runs_with(-1) == std::set{2, 3, 4});
}

TEST_CASE("what is not handed over by release and acquire is a race", "[explore/engine]") {
    auto const handed_over = [](std::memory_order store, std::memory_order load) {
        return explore::explore({}, [=] {
            struct shared {
                int value = 0;
                std::atomic<bool> ready{false};
            };
            auto const both = std::make_shared<shared>();
            add_rank([=] {
                both->value = 7;
                both->ready.store(true, store);
            });
            add_rank([=] {
                while (!both->ready.load(load)) std::this_thread::yield();
                explore::require(both->value == 7, "the value is there");
            });
        });
    };
    auto const right = handed_over(std::memory_order_release, std::memory_order_acquire);
    CHECK(right.fault == "");
    CHECK(right.runs == 2); // the reader looks before or after
    CHECK(has(handed_over(std::memory_order_relaxed, std::memory_order_acquire),
              "rank 1 reads memory that is not handed over by rank 0"));
    CHECK(has(handed_over(std::memory_order_release, std::memory_order_relaxed),
              "rank 1 reads memory that is not handed over by rank 0"));
}

TEST_CASE("memory that is used after it was freed is found", "[explore/engine]") {
    CHECK(has(explore::explore({},
                               [] {
                                   auto const shared = std::make_shared<std::atomic<std::atomic<int>*>>(nullptr);
                                   add_rank([=] {
                                       std::atomic<int>* const made = new std::atomic<int>(1);
                                       shared->store(made);
                                       delete made;
                                   });
                                   add_rank([=] {
                                       if (auto* const found = shared->load()) *reinterpret_cast<int*>(found) = 2;
                                   });
                               }),
              "memory that"));
}

TEST_CASE("locks in two orders are a deadlock", "[explore/engine]") {
    auto const in_order = [](bool same) {
        return explore::explore({}, [=] {
            auto const locks = std::make_shared<std::array<std::mutex, 2>>();
            for (std::size_t rank = 0; rank < 2; ++rank)
                add_rank([=] {
                    auto const first = same ? 0 : rank;
                    std::lock_guard const one((*locks)[first]);
                    std::lock_guard const other((*locks)[1 - first]);
                });
        });
    };
    CHECK(has(in_order(false), "all ranks wait"));
    auto const right = in_order(true);
    CHECK(right.fault == "");
    CHECK(right.runs == 2);
}

TEST_CASE("a wake-up that comes before the sleep is a deadlock", "[explore/engine]") {
    auto const sleeps = [](bool looks_again) {
        return explore::explore({}, [=] {
            struct shared {
                std::mutex mutex;
                std::condition_variable changed;
                std::atomic<bool> ready{false};
            };
            auto const all = std::make_shared<shared>();
            auto const until = std::chrono::steady_clock::now() + std::chrono::hours(1);
            add_rank([=] {
                if (all->ready.load()) return;
                std::unique_lock hold(all->mutex);
                if (!looks_again || !all->ready.load()) all->changed.wait_until(hold, until);
            });
            add_rank([=] {
                all->ready.store(true);
                std::lock_guard const hold(all->mutex);
                all->changed.notify_one();
            });
        });
    };
    CHECK(has(sleeps(false), "all ranks wait"));
    CHECK(sleeps(true).fault == "");
}

TEST_CASE("a rank may die at each of its steps, and choices are tried all", "[explore/engine]") {
    std::set<int> ends;
    unsigned chosen = 0; // bits
    auto const found = explore::explore({}, [&] {
        auto const done = std::make_shared<std::atomic<int>>(0);
        add_rank([=, &chosen] {
            chosen |= 1u << explore::choose(3);
            for (int i = 1; i <= 3; ++i) done->store(i);
        });
        explore::add_death(0);
        explore::at_end([&, done] { ends.insert(done->load()); });
    });
    CHECK(found.complete);
    CHECK(chosen == 7);
    CHECK(ends == std::set{0, 1, 2, 3});
}
