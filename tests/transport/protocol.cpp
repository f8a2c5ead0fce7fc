/// The protocol of transports, spoken directly: order, tokens, views, withdrawal, failure. Plain and decorated.

#include "support/decorated.hpp"
#include "support/seed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

using transports = std::vector<std::unique_ptr<any_transport>>;

/// The transports of p ranks, all used by this thread.
transports ranks_of(int p, dress what, std::uint64_t seed = 1) {
    auto const hub = std::make_shared<detail::thread_hub>(p);
    transports all;
    for (int r = 0; r < p; ++r) all.push_back(dressed(what, seed, std::make_unique<threads_transport>(hub, r)));
    return all;
}

struct message {
    std::vector<std::byte> data;
    piece one;
    explicit message(std::size_t bytes, int fill = 0)
        : data(bytes, static_cast<std::byte>(fill)),
          one{data.data(), bytes} {}
    std::span<piece const> pieces() const { return {&one, 1}; }
    bool holds(int fill) const {
        return std::all_of(data.begin(), data.end(), [&](std::byte b) { return b == static_cast<std::byte>(fill); });
    }
};

/// Polls all ranks until `done` is true; collects the tokens of each. False after a long time.
template <class Done>
bool drive(transports& all, std::vector<std::vector<completion>>& finished, Done done) {
    finished.resize(all.size());
    auto const until = clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (clock::now() > until) return false;
        for (std::size_t r = 0; r < all.size(); ++r) {
            std::array<completion, 3> some;
            auto const count = all[r]->poll(some);
            finished[r].insert(finished[r].end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
            if (count == 0) all[r]->idle(1, clock::now());
        }
    }
    return true;
}
bool has(std::vector<completion> const& some, token which) {
    return std::any_of(some.begin(), some.end(), [&](completion const& each) { return each.which == which; });
}

constexpr exchange at(std::uint32_t communicator, std::uint32_t sequence, std::uint8_t lane = 0) {
    return {communicator, sequence, 42, lane};
}

} // namespace

TEST_CASE("messages of one exchange arrive in order, those of others independently", "[transport/protocol]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (auto const what : all_dresses) {
        CAPTURE(name(what));
        auto all = ranks_of(2, what, seed);
        std::mt19937_64 random(seed);
        struct transfer {
            std::uint32_t channel;
            message out, in;
            bool sent = false, received = false;
        };
        std::vector<std::unique_ptr<transfer>> transfers;
        for (int i = 0; i < 200; ++i) {
            std::size_t const bytes = std::array<std::size_t, 5>{0, 1, 512, 513, 20'000}[random() % 5];
            transfers.push_back(std::make_unique<transfer>(
                transfer{static_cast<std::uint32_t>(random() % 6), message(bytes, i % 100 + 1), message(bytes)}));
        }
        // Sends in one order of channels, receives in another, in order within each.
        auto receives = transfers.size();
        std::vector<std::size_t> order(transfers.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return transfers[a]->channel > transfers[b]->channel; });
        auto const where = [&](transfer const& t) { return at(t.channel / 4, t.channel % 4 / 2, t.channel % 2); };
        for (std::size_t i = 0; i < transfers.size(); ++i) {
            auto& s = *transfers[i];
            s.sent = all[0]->post_send(1, where(s), s.out.pieces(), 2 * i);
            if (random() % 3 == 0) continue;
            auto const k = order[transfers.size() - receives--];
            transfers[k]->received = all[1]->post_recv(0, where(*transfers[k]), transfers[k]->in.pieces(), 2 * k + 1);
        }
        while (receives > 0) {
            auto const k = order[transfers.size() - receives--];
            transfers[k]->received = all[1]->post_recv(0, where(*transfers[k]), transfers[k]->in.pieces(), 2 * k + 1);
        }
        std::vector<std::vector<completion>> finished(2);
        auto const done = [&] {
            for (std::size_t i = 0; i < transfers.size(); ++i)
                if (!(transfers[i]->sent || has(finished[0], 2 * i)) ||
                    !(transfers[i]->received || has(finished[1], 2 * i + 1)))
                    return false;
            return true;
        };
        REQUIRE(drive(all, finished, done));
        for (std::size_t i = 0; i < transfers.size(); ++i) CHECK(transfers[i]->in.holds(static_cast<int>(i) % 100 + 1));
        auto const told_twice = [](std::vector<completion> some) {
            std::sort(some.begin(), some.end(), [](auto const& a, auto const& b) { return a.which < b.which; });
            return std::adjacent_find(some.begin(), some.end(),
                                      [](auto const& a, auto const& b) { return a.which == b.which; }) != some.end();
        };
        CHECK_FALSE(told_twice(finished[0]));
        CHECK_FALSE(told_twice(finished[1]));
    }
}

TEST_CASE("a rendezvous send does not finish before its receive is posted", "[transport/protocol]") {
    auto all = ranks_of(2, dress::rendezvous);
    message out(8, 5), in(8);
    std::vector<std::vector<completion>> finished(2);
    CHECK_FALSE(all[0]->post_send(1, at(0, 1), out.pieces(), 7));
    for (int i = 0; i < 50; ++i) {
        std::array<completion, 4> some;
        CHECK(all[0]->poll(some) == 0);
        CHECK(all[1]->poll(some) == 0);
    }
    auto const there = all[1]->post_recv(0, at(0, 1), in.pieces(), 8);
    REQUIRE(drive(all, finished, [&] { return has(finished[0], 7) && (there || has(finished[1], 8)); }));
    CHECK(in.holds(5));
}

TEST_CASE("an eager send may be overwritten at once, a large one is shown where it lies", "[transport/protocol]") {
    auto all = ranks_of(2, dress::plain);
    message small(100, 1), large(1000, 2), staging(1000);
    CHECK(all[0]->post_send(1, at(0, 1), small.pieces(), 1));
    small.data.assign(100, std::byte{9});
    CHECK_FALSE(all[0]->post_send(1, at(0, 2), large.pieces(), 2));
    message in(100);
    CHECK(all[1]->post_recv(0, at(0, 1), in.pieces(), 3));
    CHECK(in.holds(1));
    auto const* const view = all[1]->post_view(0, at(0, 2), staging.one, 4);
    CHECK(view == large.data.data());
    std::array<completion, 4> some;
    CHECK(all[0]->poll(some) == 0); // being read
    all[1]->release(4);
    CHECK(all[0]->poll(some) == 1);
    CHECK(some[0].which == 2);
    CHECK(staging.holds(0));
}

TEST_CASE("several pieces meet several other pieces", "[transport/protocol]") {
    for (std::size_t const unit : {5u, 500u}) {
        auto all = ranks_of(2, dress::plain);
        std::vector<std::byte> out(6 * unit), in(6 * unit);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i % 251);
        std::array const from{piece{out.data(), 4 * unit}, piece{out.data() + 4 * unit, 0},
                              piece{out.data() + 4 * unit, 2 * unit}};
        std::array const to{piece{in.data(), unit}, piece{in.data() + unit, 5 * unit}};
        auto const sent = all[0]->post_send(1, at(0, 1), from, 1);
        CHECK(all[1]->post_recv(0, at(0, 1), to, 2));
        std::array<completion, 4> some;
        CHECK(all[0]->poll(some) == (sent ? 0 : 1));
        CHECK(in == out);
    }
}

TEST_CASE("messages that do not match are a failure that names both", "[transport/protocol]") {
    for (auto const what : {dress::plain, dress::rendezvous, dress::reordering}) {
        CAPTURE(name(what));
        auto all = ranks_of(2, what);
        message out(10, 1), in(10), longer(12);
        auto other = at(0, 1);
        other.signature = 43;
        static_cast<void>(all[0]->post_send(1, at(0, 1), out.pieces(), 1));
        CHECK_FALSE(all[1]->post_recv(0, other, in.pieces(), 2));
        std::vector<std::vector<completion>> finished(2);
        std::optional<transport_failure> seen;
        REQUIRE(drive(all, finished, [&] {
            return (seen = all[1]->failure()).has_value() || (seen = all[0]->failure()).has_value();
        }));
        CHECK(seen->why == transport_failure::kind::mismatch);
        CHECK(seen->signature + seen->ours == 42 + 43);
        CHECK(in.holds(0));
    }
    auto all = ranks_of(2, dress::plain);
    message out(10, 1), longer(12);
    static_cast<void>(all[0]->post_send(1, at(0, 1), out.pieces(), 1));
    CHECK_FALSE(all[1]->post_recv(0, at(0, 1), longer.pieces(), 2));
    auto const seen = all[1]->failure();
    REQUIRE(seen);
    CHECK(seen->text == "sends 10 bytes where 12 are expected");
    CHECK(longer.holds(0));
}

TEST_CASE("a peer that has left is a failure for those who wait for it only", "[transport/protocol]") {
    for (auto const what : all_dresses) {
        CAPTURE(name(what));
        auto all = ranks_of(3, what);
        message in(8), out(1000, 1);
        CHECK_FALSE(all[0]->post_recv(2, at(0, 1), in.pieces(), 1));
        static_cast<void>(all[1]->post_send(2, at(0, 1), out.pieces(), 2));
        CHECK_FALSE(all[0]->failure());
        all[2].reset();
        std::vector<std::vector<completion>> finished;
        transports others;
        for (int r = 0; r < 2; ++r) others.push_back(std::move(all[static_cast<std::size_t>(r)]));
        std::optional<transport_failure> first, second;
        REQUIRE(
            drive(others, finished, [&] { return (first = others[0]->failure()) && (second = others[1]->failure()); }));
        CHECK(first->why == transport_failure::kind::left);
        CHECK(first->rank == 2);
        CHECK(second->why == transport_failure::kind::left);
        CHECK(second->rank == 2);
    }
    auto all = ranks_of(3, dress::plain);
    message in(8);
    CHECK_FALSE(all[0]->post_recv(1, at(0, 1), in.pieces(), 1));
    all[2].reset();
    CHECK_FALSE(all[0]->failure());
}

TEST_CASE("nothing touches memory after withdraw", "[transport/protocol]") {
    for (auto const what : all_dresses) {
        CAPTURE(name(what));
        auto all = ranks_of(2, what);
        message out(4000, 1), in(4000), late(4000);
        static_cast<void>(all[0]->post_send(1, at(0, 1), out.pieces(), 1));
        static_cast<void>(all[1]->post_recv(0, at(0, 2), in.pieces(), 2));
        CHECK(all[0]->withdraw());
        CHECK(all[1]->withdraw());
        static_cast<void>(all[0]->post_send(1, at(0, 2), out.pieces(), 3));
        static_cast<void>(all[1]->post_recv(0, at(0, 1), late.pieces(), 4));
        for (int i = 0; i < 200; ++i) {
            std::array<completion, 4> some;
            for (auto& each : all) CHECK(each->poll(some) == 0);
        }
        CHECK(in.holds(0));
        CHECK(late.holds(0));
    }
}

TEST_CASE("two ranks that withdraw while they read each other's memory both finish", "[transport/protocol]") {
    auto all = ranks_of(2, dress::plain);
    message a(4000, 1), b(4000, 2), staging(4000);
    static_cast<void>(all[0]->post_send(1, at(0, 1), a.pieces(), 1));
    static_cast<void>(all[1]->post_send(0, at(0, 1), b.pieces(), 1));
    CHECK(all[0]->post_view(1, at(0, 1), staging.one, 2) == b.data.data());
    CHECK(all[1]->post_view(0, at(0, 1), staging.one, 2) == a.data.data());
    std::jthread const other([&] { all[1]->withdraw(); });
    CHECK(all[0]->withdraw());
}

TEST_CASE("a revocation reaches everybody, the first one wins, sleepers wake", "[transport/protocol]") {
    auto all = ranks_of(3, dress::plain);
    message in(8);
    CHECK_FALSE(all[2]->post_recv(0, at(0, 1), in.pieces(), 1));
    auto const start = clock::now();
    std::jthread const later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        all[0]->revoke({transport_failure::kind::revoked, 0, "first", 0, 0});
        all[1]->revoke({transport_failure::kind::revoked, 1, "second", 0, 0});
    });
    while (!all[2]->failure()) all[2]->idle(1'000'000, clock::now() + std::chrono::seconds(20));
    CHECK(clock::now() - start < std::chrono::seconds(10));
    for (auto& each : all) CHECK(each->failure()->text == "first");
}

TEST_CASE("a full mailbox delays messages and loses none", "[transport/protocol]") {
    auto all = ranks_of(2, dress::plain);
    std::vector<std::unique_ptr<message>> out, in;
    std::size_t sent = 0, received = 0;
    for (std::size_t i = 0; i < 100; ++i) {
        out.push_back(std::make_unique<message>(4, static_cast<int>(i)));
        in.push_back(std::make_unique<message>(4));
        sent += all[0]->post_send(1, at(0, 1), out[i]->pieces(), i) ? 1u : 0u;
    }
    CHECK(sent == mailbox_slots);
    for (std::size_t i = 0; i < 100; ++i) received += all[1]->post_recv(0, at(0, 1), in[i]->pieces(), i) ? 1u : 0u;
    std::vector<std::vector<completion>> finished(2);
    REQUIRE(
        drive(all, finished, [&] { return finished[0].size() + sent == 100 && finished[1].size() + received == 100; }));
    for (std::size_t i = 0; i < 100; ++i) CHECK(in[i]->holds(static_cast<int>(i)));
}
