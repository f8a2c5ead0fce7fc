/// An MPI job over shared memory within hosts and MPI between them. This machine is one host; groups of its ranks play several.

#include "support/conformance.hpp"
#include "world.hpp"

#include <chorus/runtime/allocate.hpp>
#include <chorus/transport/mpi_hosts.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

communicator on_hosts_of(int ranks_each, bool interleaved) {
    MPI_Comm host = MPI_COMM_NULL;
    auto const rank = world().rank(), hosts = (world().size() + ranks_each - 1) / ranks_each;
    MPI_Comm_split(MPI_COMM_WORLD, interleaved ? rank % hosts : rank / ranks_each, rank, &host);
    options how;
    how.timeout = std::chrono::seconds(30);
    auto comm = attach_hosts(MPI_COMM_WORLD, host, how);
    MPI_Comm_free(&host);
    return comm;
}

} // namespace

TEST_CASE("an MPI job finds the ranks of its host with one call", "[mpi/hosts]") {
    auto const seed = common_seed();
    CAPTURE(seed);
    auto comm = attach_hosts(MPI_COMM_WORLD);
    CHECK(comm.hosts() == std::vector<int>(static_cast<std::size_t>(comm.size()), 0));
    CHECK(conformance(comm, {.seed = seed}) == "");
    auto data = allocate<int>(comm, 10'000);
    CHECK(data.is_shared());
}

TEST_CASE("every collective over shared memory within hosts and MPI between them", "[mpi/hosts]") {
    auto const seed = common_seed();
    CAPTURE(seed);
    for (auto const interleaved : {false, true}) {
        CAPTURE(interleaved);
        auto comm = on_hosts_of(2, interleaved);
        CHECK(conformance(comm, {.seed = seed, .large = true}) == "");
        if (world().size() == 4) CHECK(comm.hosts() == (interleaved ? std::vector{0, 1, 0, 1} : std::vector{0, 0, 1, 1}));
    }
}

TEST_CASE("hierarchical sends through MPI only what has to leave the host", "[mpi/hosts]") {
    if (world().size() != 4) return;
    auto comm = on_hosts_of(2, false);
    std::vector<int> data(1000, comm.rank());
    all_reduce(comm, data, std::plus<>{}, hierarchical{});
    CHECK(data == std::vector<int>(1000, 6));
}

TEST_CASE("a store over MPI hands on what is set, to those who ask and those who do not", "[mpi/store]") {
    mpi_store over(MPI_COMM_WORLD);
    auto const late = chorus::clock::now() + std::chrono::seconds(20);
    over.set("rank." + std::to_string(world().rank()), std::to_string(10 * world().rank()));
    auto const next = (world().rank() + 1) % world().size();
    CHECK(over.get("rank." + std::to_string(next), late) == std::to_string(10 * next));
    CHECK(over.get("nobody", chorus::clock::now()) == std::nullopt);
}

TEST_CASE("what is set in a store over MPI has arrived when set returns", "[mpi/store]") {
    if (world().size() < 2) return;
    mpi_store over(MPI_COMM_WORLD);
    auto const begin = chorus::clock::now();
    if (world().rank() == 0)
        over.set("name", "value");
    else
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    CHECK(over.get("name", begin + std::chrono::seconds(20)) == "value");
    CHECK(chorus::clock::now() - begin >= std::chrono::milliseconds(200));
}
