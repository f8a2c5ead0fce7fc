/// A rank offers memory for an answer, and its peer writes there or sends: threads and shm.

#include "explore/talk.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace chorus;
using namespace chorus::testing;
using namespace chorus::testing::explore;

namespace {

constexpr std::size_t large = 640; // is read where it lies

/// Rank 0 sends `count` messages, each with an offer; rank 1 answers each, straight where it may.
template <class World>
void answers(int count, bool posted_before, waiting how) {
    auto const world = std::make_shared<World>(2);
    add_rank([=] {
        talker<World> me(*world, 0, how);
        for (int i = 0; i < count; ++i)
            me.send_with_offer(1, me.on(1), large, 10 + i, 20 + i, static_cast<std::uint32_t>(i), posted_before);
        explore::require(me.wait_for_all(), "all answers come");
    });
    add_rank([=] {
        talker<World> me(*world, 1, how);
        for (int i = 0; i < count; ++i) {
            auto const seen = me.view(0, me.on(1), large, 10 + i);
            // The second one is answered by a message, as by a rank that could not reach all of it.
            auto const place = i == 1 ? ~0u : static_cast<std::uint32_t>(i);
            if (me.answer(seen, place, 20 + i) == talker<World>::answered::no) me.send(0, me.on(1), large, 20 + i);
        }
        explore::require(me.wait_for_all(), "all is sent");
    });
}

} // namespace

TEMPLATE_TEST_CASE("answers arrive in order, whichever way each takes", "[explore/answers]", thread_world, shm_world) {
    for (auto const how : {waiting::spins, waiting::sleeps})
        for (auto const posted_before : {true, false}) {
            CAPTURE(posted_before, how == waiting::sleeps);
            CHECK(explored(std::string(TestType::name) + " answers", {.preemptions = 3},
                           [=] { answers<TestType>(2, posted_before, how); }) == "");
        }
}
