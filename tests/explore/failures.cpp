/// Ranks that give up, leave, stand still or die at any step: what was posted is taken back, nobody waits for ever,
/// nothing that was posted behind a message that is missing is taken for it.

#include "explore/talk.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <vector>

using namespace chorus;
using namespace chorus::testing;
using namespace chorus::testing::explore;

namespace {

constexpr std::size_t small = 8, large = 640, longest = 2100;
struct message {
    std::size_t bytes;
    bool direct;
};

/// Receives that have finished are the first ones.
void require_first_ones(std::vector<int> const& received) {
    auto const missing = std::find(received.begin(), received.end(), -1);
    explore::require(std::all_of(missing, received.end(), [](int each) { return each == -1; }),
                     "nothing behind a missing message arrives");
}

/// Rank 1 receives what rank 0 sends, as far as it comes, and gives up then.
template <class World>
void receive_as_far_as_it_comes(World& world, std::vector<message> const& messages, bool posted_at_once) {
    talker<World> me(world, 1);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        me.receive(0, me.on(1), messages[i].bytes, static_cast<int>(i) + 1);
        if (!posted_at_once && !me.wait_for_all()) break;
    }
    me.wait_for_all();
    auto const in_parts =
        std::any_of(messages.begin(), messages.end(), [](message const& each) { return each.bytes == longest; });
    if (!in_parts)
        require_first_ones(me.received()); // one that comes in parts has found its receive before it is whole
    me.give_up(false);
}

/// Rank 0 sends and gives up at any time.
template <class World>
void gives_up(std::vector<message> messages, bool posted_at_once) {
    auto const world = std::make_shared<World>(2);
    add_rank([=] {
        talker<World> me(*world, 0);
        for (std::size_t i = 0; i < messages.size(); ++i)
            me.send(1, me.on(1), messages[i].bytes, static_cast<int>(i) + 1, messages[i].direct);
        if (explore::choose(2) == 1) me.poll();
        me.give_up();
    });
    add_rank([=] { receive_as_far_as_it_comes(*world, messages, posted_at_once); });
}

/// Rank 0 gives up while rank 1 answers straight into its memory, or not.
template <class World>
void gives_up_while_answered(bool both) {
    auto const world = std::make_shared<World>(2);
    add_rank([=] {
        talker<World> me(*world, 0);
        me.send_with_offer(1, me.on(1), large, 10, 20, 0, true);
        if (explore::choose(2) == 1) me.poll();
        me.give_up();
    });
    add_rank([=] {
        talker<World> me(*world, 1);
        auto const seen = me.view(0, me.on(1), large, 10);
        if (me.answer(seen, 0, 20) == talker<World>::answered::no) me.send(0, me.on(1), large, 20);
        me.wait_until([] { return false; }); // for what is told
        me.give_up(both);
    });
}

/// Rank 0 sends so many messages and ends; rank 1 wants one more.
template <class World>
void leaves(std::size_t count) {
    auto const world = std::make_shared<World>(2);
    add_rank([=] {
        {
            talker<World> me(*world, 0);
            for (std::size_t i = 0; i < count; ++i) me.send(1, me.on(1), small, static_cast<int>(i) + 1);
            explore::require(me.wait_for_all(), "short messages need nobody");
        }
        world->leave(0);
    });
    add_rank([=] {
        talker<World> me(*world, 1);
        for (std::size_t i = 0; i <= count; ++i) me.receive(0, me.on(1), small, static_cast<int>(i) + 1);
        explore::require(!me.wait_for_all() && me.failed->why == transport_failure::kind::left && me.failed->rank == 0,
                         "it is said who has left");
        auto const received = me.received();
        explore::require(std::count(received.begin(), received.end(), -1) == 1, "what was sent before arrives");
        me.give_up(false);
    });
}

/// Rank 0 dies at any step.
void dies(std::vector<message> messages) {
    auto const world = std::make_shared<shm_world>(2);
    add_rank([=] {
        talker<shm_world> me(*world, 0);
        for (std::size_t i = 0; i < messages.size(); ++i)
            me.send(1, me.on(1), messages[i].bytes, static_cast<int>(i) + 1, messages[i].direct);
        me.wait_for_all();
    });
    add_rank([=] { receive_as_far_as_it_comes(*world, messages, true); });
    add_death(0);
}

/// The last rank is gone at once; the others agree on that and go on.
template <class World>
void goes_on(int ranks) {
    auto const world = std::make_shared<World>(ranks);
    for (int rank = 0; rank < ranks - 1; ++rank)
        add_rank([=] {
            talker<World> me(*world, rank);
            me.receive(ranks - 1, me.on(1), small, 1);
            explore::require(!me.wait_for_all(), "nobody has sent that");
            me.give_up();
            auto const left = me.over().survivors(clock::now() + std::chrono::hours(1));
            for (int other = 0; other < ranks - 1; ++other)
                explore::require(left.size() == static_cast<std::size_t>(ranks - 1) &&
                                     left[static_cast<std::size_t>(other)] == other,
                                 "all others go on");
            talker<World> again(*world, rank);
            auto const ex = again.on(7);
            if (rank == 0) again.send(1, ex, large, 3);
            if (rank == 1) again.receive(0, ex, large, 3);
            explore::require(again.wait_for_all(), "messages arrive after that");
        });
    add_rank([=] { world->leave(ranks - 1); });
}

template <class World>
std::string name(char const* what) {
    return std::string(World::name) + " " + what;
}

} // namespace

TEMPLATE_TEST_CASE("what was posted behind a withdrawn message never arrives", "[explore/failures]", thread_world,
                   shm_world) {
    for (auto const at_once : {true, false})
        for (auto const& messages :
             {std::vector<message>{{large, true}, {small, true}}, std::vector<message>{{large, true}, {large, true}},
              std::vector<message>{{large, true}, {small, true}, {small, true}, {large, true}},
              std::vector<message>{{longest, false}, {small, true}},
              std::vector<message>{{large, true}, {large, false}}})
            CHECK(explored(name<TestType>("withdraw"), {.preemptions = 2},
                           [=] { gives_up<TestType>(messages, at_once); }) == "");
}

TEMPLATE_TEST_CASE("nothing is touched once withdraw has returned", "[explore/failures]", thread_world, shm_world) {
    for (auto const both : {false, true})
        CHECK(explored(name<TestType>("withdraw, answered"), {.preemptions = 3},
                       [=] { gives_up_while_answered<TestType>(both); }) == "");
}

TEMPLATE_TEST_CASE("a rank that leaves is found, after what it has sent", "[explore/failures]", thread_world,
                   shm_world) {
    for (auto const count : {0u, 1u, 2u})
        CHECK(explored(name<TestType>("leave"), {.preemptions = 3}, [=] { leaves<TestType>(count); }) == "");
}

TEST_CASE("a rank that dies is found, and what arrived is whole", "[explore/failures]") {
    for (auto const& messages :
         {std::vector<message>{{large, true}, {small, true}}, std::vector<message>{{large, false}, {large, true}}})
        CHECK(explored("shm death", {.preemptions = 1}, [=] { dies(messages); }) == "");
}

TEST_CASE("a rank that dies at any step of longer talks", "[explore/failures][long]") {
    for (auto const& messages :
         {std::vector<message>{{large, true}, {small, true}}, std::vector<message>{{large, false}, {large, true}},
          std::vector<message>{{longest, false}}})
        CHECK(explored("shm death", {.preemptions = 2, .seconds = 20}, [=] { dies(messages); }) == "");
}

TEMPLATE_TEST_CASE("those who are left agree on who that is", "[explore/failures]", thread_world, shm_world) {
    CHECK(explored(name<TestType>("survivors"), {.preemptions = 1}, [] { goes_on<TestType>(3); }) == "");
}
