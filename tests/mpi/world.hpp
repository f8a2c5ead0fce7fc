#pragma once
/// All ranks of the test program, for every test in this folder: `mpi_session::world()` can be asked only once.

#include "support/seed.hpp"

#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/transport/mpi.hpp>

#include <cstdint>

namespace chorus::testing {

communicator& world();

/// A seed of random tests, the same on all ranks.
inline std::uint64_t common_seed() {
    std::uint64_t seed[1] = {test_seed()};
    broadcast(world(), seed);
    return seed[0];
}

} // namespace chorus::testing
