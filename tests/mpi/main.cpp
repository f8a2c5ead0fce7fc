/// Runs the tests on every rank; rank 0 prints what it sees, the others only where something failed. The exit status is
/// not zero if a test failed on any rank.

#include "world.hpp"

#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

int run_tests(int argc, char** argv);

namespace {

chorus::communicator* world_of_tests = nullptr;

} // namespace

chorus::communicator& chorus::testing::world() { return *world_of_tests; }

int main(int argc, char** argv) {
    chorus::options how;
    how.timeout = std::chrono::seconds(60);
    chorus::mpi_session mpi(argc, argv, how);
    auto world = mpi.world();
    world_of_tests = &world;
    std::ostringstream kept;
    auto* const usual = world.rank() == 0 ? nullptr : std::cout.rdbuf(kept.rdbuf());
    auto const failed = run_tests(argc, argv) != 0 ? 1 : 0;
    if (usual != nullptr) {
        std::cout.rdbuf(usual);
        if (failed != 0) std::cout << "rank " << world.rank() << ":\n" << kept.str() << std::flush;
    }
    int anywhere[1] = {failed};
    try {
        auto everyone = world.dup();
        chorus::all_reduce(everyone, anywhere, chorus::maximum{});
    } catch (std::exception const& e) { // a test has broken the world
        std::fprintf(stderr, "rank %d: %s\n", mpi.rank(), e.what());
        anywhere[0] = 1;
    }
    return anywhere[0];
}
