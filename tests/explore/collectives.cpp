/// Collectives as they are called, over the explored transports: more segments than the window of a channel, more
/// messages than slots.

#include "explore/talk.hpp"
#include "support/seed.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/context.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;
using namespace chorus::testing::explore;

namespace {

struct shape {
    int ranks;
    std::size_t count; ///< of 8 bytes
    bool in_place;
    bool direct; ///< in memory that peers may read
};

/// all_reduce with that algorithm, twice, on numbers that no two elements share.
template <class World, class Algorithm>
void sums(shape const& what, Algorithm how) {
    auto const world = std::make_shared<World>(what.ranks);
    for (int rank = 0; rank < what.ranks; ++rank)
        add_rank([=] {
            auto const memory = [&] {
                auto* const made = what.direct ? world->memory(rank, 8 * what.count) : new std::byte[8 * what.count];
                return std::span(reinterpret_cast<std::uint64_t*>(made), what.count);
            };
            auto const input = memory(), output = what.in_place ? input : memory();
            options settings;
            settings.timeout = std::chrono::hours(1);
            communicator comm(std::make_shared<context>(world->give(rank), settings));
            for (std::uint64_t round = 0; round < 2; ++round) {
                for (std::size_t i = 0; i < what.count; ++i)
                    input[i] = (i + 1) * (static_cast<std::uint64_t>(rank) + 1) + round;
                if (what.in_place)
                    all_reduce(comm, output, std::plus<>{}, how);
                else
                    all_reduce(comm, input, output, std::plus<>{}, how);
                auto const p = static_cast<std::uint64_t>(what.ranks);
                for (std::size_t i = 0; i < what.count; ++i)
                    explore::require(output[i] == (i + 1) * p * (p + 1) / 2 + p * round, "the sum is right");
            }
        });
}

template <class World>
std::string name(char const* what) {
    return std::string(World::name) + " " + what;
}

} // namespace

TEMPLATE_TEST_CASE("collectives in random orders", "[explore/collectives]", thread_world, shm_world) {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (auto const direct : {true, false})
        for (auto const in_place : {false, true}) {
            CHECK(sampled(name<TestType>("two_shot"), seed, 150, [=] {
                      sums<TestType>({2, 1000, in_place, direct}, two_shot{4});
                  }) == "");
            CHECK(sampled(name<TestType>("ring"), seed, 100, [=] {
                      sums<TestType>({3, 600, in_place, direct}, ring{2});
                  }) == "");
        }
}
