/// The ring of messages from private memory.

#ifdef __linux__
#include "support/seed.hpp"

#include <chorus/transport/detail/shm_ring.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <random>

using namespace chorus;

namespace {

/// A ring, and the messages in it that nobody has read yet, by where they begin.
struct used_ring {
    static constexpr std::size_t bytes = 64 << 10;
    std::shared_ptr<detail::shm_job> job = detail::shm_job::create(1, {.ring_bytes = bytes});
    detail::shm_states states{*job, 0, 0};
    detail::shm_ring ring{*job, 0, states};
    std::size_t begin = job->ring_at(0);
    struct message {
        std::size_t bytes;
        std::uint32_t state;
    };
    std::map<std::size_t, message> unread;

    /// Checks that a message lies in the ring, and on no other one. False where there was no room.
    bool put(std::size_t size) {
        auto const place = ring.take(size);
        if (!place) return false;
        REQUIRE(place->offset >= begin);
        REQUIRE(place->offset + size <= begin + bytes);
        auto const next = unread.lower_bound(place->offset);
        REQUIRE((next == unread.end() || place->offset + size <= next->first));
        REQUIRE((next == unread.begin() || std::prev(next)->first + std::prev(next)->second.bytes <= place->offset));
        unread[place->offset] = {size, place->state};
        return true;
    }
    void read(std::map<std::size_t, message>::iterator which) {
        states.move(which->second.state, detail::shm_state::posted, detail::shm_state::done);
        unread.erase(which);
    }
};

} // namespace

TEST_CASE("messages in the ring never overlap, and once all are read there is room for a part again", "[transport/shm]") {
    auto const seed = testing::test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    used_ring used;
    int full = 0;
    for (int step = 0; step < 20'000; ++step) {
        auto const most = step % 2 == 0 ? 300 : used.ring.part_bytes();
        if (!used.put(1 + random() % most)) ++full;
        while (!used.unread.empty() && random() % 3 == 0) used.read(std::next(used.unread.begin(), static_cast<std::ptrdiff_t>(random() % used.unread.size())));
        if (step % 100 == 99) {
            while (!used.unread.empty()) used.read(used.unread.begin());
            REQUIRE(used.put(used.ring.part_bytes()));
        }
    }
    CHECK(full > 100);
    CHECK(full < 19'000);
}

TEST_CASE("short messages stay where they are once they were read, longer ones go round", "[transport/shm]") {
    used_ring used;
    auto const next = [&](std::size_t size) {
        REQUIRE(used.put(size));
        auto const at = used.unread.begin()->first - used.begin;
        used.read(used.unread.begin());
        return at;
    };
    for (int i = 0; i < 5; ++i) CHECK(next(1000) == 0);
    CHECK(next(8192) == 1024);
    CHECK(next(8192) == 1024 + 8192);
    for (int i = 0; i < 100; ++i) next(8192);
    CHECK(next(1000) == 0);
}
#endif
