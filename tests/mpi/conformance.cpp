/// The conformance suite over MPI, by schedules: on all ranks, and on two halves at the same time.

#include "support/conformance.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

using namespace chorus;
using namespace chorus::testing;

TEST_CASE("every collective by every algorithm over MPI", "[mpi/conformance]") {
    auto const seed = common_seed();
    CAPTURE(seed);
    CHECK(conformance(world(), {.seed = seed, .rounds = 2, .large = true, .native = true}) == "");
}

TEST_CASE("every collective by every algorithm on halves of the world", "[mpi/conformance]") {
    auto const seed = common_seed();
    CAPTURE(seed);
    auto half = world().split(world().rank() % 2);
    CHECK(conformance(half, {.seed = seed, .native = true}) == "");
}

TEST_CASE("the full product over MPI", "[mpi/conformance][long]") {
    auto const seed = common_seed();
    CAPTURE(seed);
    CHECK(conformance(world(), {.seed = seed, .thorough = true, .native = true}) == "");
}
