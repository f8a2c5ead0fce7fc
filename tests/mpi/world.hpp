#pragma once
/// All ranks of the test program, for every test in this folder: `mpi_session::world()` can be asked only once.

#include <chorus/transport/mpi.hpp>

namespace chorus::testing {

communicator& world();

} // namespace chorus::testing
