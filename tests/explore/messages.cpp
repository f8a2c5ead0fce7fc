/// Messages between ranks, more of them than there is room for: threads and shm.

#include "explore/talk.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <vector>

using namespace chorus;
using namespace chorus::testing;
using namespace chorus::testing::explore;

namespace {

constexpr std::size_t small = 8;      // is in its announcement
constexpr std::size_t large = 640;    // is read where it lies, or copied through the ring
constexpr std::size_t longest = 2100; // goes through the ring of shm in three parts

struct message {
    std::size_t bytes;
    bool direct;
};

/// Rank 0 sends these in order, on two lanes in turn; rank 1 receives them, those of the second lane first or last.
template <class World>
void one_way(std::vector<message> messages, bool other_order, waiting how) {
    auto const world = std::make_shared<World>(2);
    add_rank([=] {
        talker<World> me(*world, 0, how);
        for (std::size_t i = 0; i < messages.size(); ++i)
            me.send(1, me.on(1, static_cast<std::uint8_t>(i % 2)), messages[i].bytes, static_cast<int>(i) + 1,
                    messages[i].direct);
        explore::require(me.wait_for_all(), "all is sent");
    });
    add_rank([=] {
        talker<World> me(*world, 1, how);
        for (std::size_t first = 0; first < 2; ++first)
            for (std::size_t i = other_order ? 1 - first : first; i < messages.size(); i += 2)
                me.receive(0, me.on(1, static_cast<std::uint8_t>(i % 2)), messages[i].bytes, static_cast<int>(i) + 1);
        explore::require(me.wait_for_all(), "all arrives");
    });
}

/// Each rank sends to the next and receives from the one before, so often.
template <class World>
void around(int ranks, int times, std::size_t bytes, bool direct, waiting how) {
    auto const world = std::make_shared<World>(ranks);
    for (int rank = 0; rank < ranks; ++rank)
        add_rank([=] {
            talker<World> me(*world, rank, how);
            auto const next = (rank + 1) % ranks, before = (rank + ranks - 1) % ranks;
            for (int i = 0; i < times; ++i) {
                me.send(next, me.on(1), bytes, 10 * rank + i + 1, direct);
                me.receive(before, me.on(1), bytes, 10 * before + i + 1);
            }
            explore::require(me.wait_for_all(), "all arrives");
        });
}

} // namespace

TEMPLATE_TEST_CASE("messages arrive whole and in order, where the mailbox is full, too", "[explore/messages]",
                   thread_world, shm_world) {
    for (auto const how : {waiting::spins, waiting::sleeps})
        for (auto const other_order : {false, true})
            for (auto const& messages :
                 {std::vector<message>{{small, true}, {small, true}, {small, true}, {small, true}},
                  std::vector<message>{{large, true}, {small, true}, {large, true}},
                  std::vector<message>{{longest, false}}, std::vector<message>{{large, false}, {longest, false}},
                  std::vector<message>{{large, false}, {large, false}, {large, true}}})
                CHECK(explored(TestType::name, {.preemptions = 2},
                               [=] { one_way<TestType>(messages, other_order, how); }) == "");
}

TEMPLATE_TEST_CASE("ranks that exchange messages wait for each other and for nothing else", "[explore/messages]",
                   thread_world, shm_world) {
    for (auto const how : {waiting::spins, waiting::sleeps}) {
        CHECK(explored(TestType::name, {.preemptions = 2}, [=] { around<TestType>(2, 2, large, true, how); }) == "");
        CHECK(explored(TestType::name, {.preemptions = 2}, [=] { around<TestType>(3, 1, small, true, how); }) == "");
    }
}

TEMPLATE_TEST_CASE("messages in every order there is", "[explore/messages][long]", thread_world, shm_world) {
    for (auto const how : {waiting::spins, waiting::sleeps}) {
        CHECK(explored(TestType::name, {.seconds = 20}, [=] {
                  one_way<TestType>({{large, true}, {small, true}}, false, how);
              }) == "");
        CHECK(explored(TestType::name, {.seconds = 20}, [=] { around<TestType>(2, 1, large, true, how); }) == "");
        CHECK(explored(TestType::name, {.preemptions = 3, .seconds = 20},
                       [=] { around<TestType>(3, 2, large, false, how); }) == "");
    }
}
