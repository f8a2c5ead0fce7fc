/// What the ranks of the verbs transport say to each other, without a device.

#include "support/seed.hpp"

#include <chorus/transport/detail/verbs_wire.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <random>

using namespace chorus;
using namespace chorus::detail;
using namespace chorus::testing;

TEST_CASE("what comes with a write says which receive it belongs to", "[transport/verbs/wire]") {
    for (std::uint32_t const slot : {0U, 1U, 255U, 256U, 65'537U, verbs_immediate::most_slots - 1})
        for (std::uint32_t const stripes : {1U, 2U, 8U, 255U}) {
            auto const back = verbs_immediate::from(verbs_immediate{slot, stripes}.value());
            CHECK(back.slot == slot);
            CHECK(back.stripes == stripes);
        }
}

TEST_CASE("a header keeps what it was made of", "[transport/verbs/wire]") {
    exchange const ex{7, 9, 0x1234'5678'9abc'def0, 3};
    auto const head = verbs_header::of(verbs_kind::eager, ex, 4711);
    CHECK(matches(head.ex(), ex));
    CHECK(head.ex().signature == ex.signature);
    CHECK(head.bytes == 4711);
    CHECK(head.credits == 0);
}

TEST_CASE("notes of a wrong length are none", "[transport/verbs/wire]") {
    verbs_hello mine;
    mine.numbers[3] = 77;
    auto bytes = note_of(verbs_note::hello, mine);
    CHECK(bytes[0] == static_cast<std::byte>('h'));
    CHECK(read_note<verbs_hello>(bytes)->numbers[3] == 77);
    CHECK_FALSE(read_note<verbs_failure_note>(bytes));
    bytes.pop_back();
    CHECK_FALSE(read_note<verbs_hello>(bytes));
    CHECK_FALSE(read_note<verbs_hello>({}));
}

namespace {

/// One side of a connection: what is on its way to it, what lies unread in its buffers, and its credits.
struct side {
    explicit side(int window) : credits(window) { credits.grant(window); }
    verbs_credits credits;
    std::deque<std::pair<bool, int>> coming, unread; ///< is it a message, and the credits that it brings

    std::size_t buffers_in_use() const { return coming.size() + unread.size(); }
};

void send(side& from, side& to, bool message) {
    if (message) from.credits.use();
    to.coming.emplace_back(message, from.credits.tell());
}

} // namespace

TEST_CASE("nobody sends what the other side has no buffer for, and nobody is stuck", "[transport/verbs/credits]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 200; ++round) {
        auto const window = static_cast<int>(4 + random() % 20);
        CAPTURE(round, window);
        side sides[2] = {side(window), side(window)};
        int left[2] = {static_cast<int>(random() % 300), static_cast<int>(random() % 300)};
        auto lazy = random() % 8; // how much more is sent than read
        std::size_t most = 0;
        for (int step = 0; step < 20'000 && (left[0] > 0 || left[1] > 0 || sides[0].buffers_in_use() + sides[1].buffers_in_use() > 0); ++step) {
            auto const i = random() % 2;
            auto &me = sides[i], &other = sides[1 - i];
            if (random() % (lazy + 2) == 0) {
                if (!me.coming.empty()) { // the credits count when it is looked at, the buffer is free when it was read
                    auto const what = me.coming.front();
                    me.coming.pop_front();
                    me.credits.returned(what.second);
                    if (what.first) me.unread.push_back(what);
                } else if (!me.unread.empty()) {
                    me.unread.pop_front();
                    me.credits.owe();
                }
                if (me.credits.must_tell()) send(me, other, false);
            } else if (left[i] > 0 && me.credits.any()) {
                send(me, other, true);
                --left[i];
            }
            most = std::max({most, sides[0].buffers_in_use(), sides[1].buffers_in_use()});
        }
        CHECK(most <= static_cast<std::size_t>(window + verbs_credits::reserve));
        CHECK(left[0] + left[1] == 0);
    }
}
