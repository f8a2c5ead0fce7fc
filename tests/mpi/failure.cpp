/// Wrong use and failures over MPI. A context that failed stays so: each case attaches a new one.

#include "support/ranks.hpp"
#include "world.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// What becomes of this rank in `f(comm)`, on a context of its own.
outcome alone(options const& how, std::function<void(communicator&)> const& f) {
    auto const got = outcome_of([&] {
        auto comm = attach(MPI_COMM_WORLD, how);
        f(comm);
    });
    barrier(world());
    return got;
}

} // namespace

TEST_CASE("communicators of every origin are taken", "[mpi/attach]") {
    auto const sum_over = [](MPI_Comm on) {
        int size = 0;
        MPI_Comm_size(on, &size);
        auto comm = attach(on);
        std::vector<int> data(100, 1);
        all_reduce(comm, data, std::plus<>{}, ring{});
        return comm.size() == size && data.front() == size && data.back() == size;
    };
    MPI_Comm half = MPI_COMM_NULL, host = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, world().rank() % 2, -world().rank(), &half);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    CHECK(sum_over(half));
    CHECK(sum_over(host));
    CHECK(sum_over(MPI_COMM_SELF));
    MPI_Comm_free(&half);
    MPI_Comm_free(&host);
}

TEST_CASE("the program's attributes are its own: no callback of theirs runs", "[mpi/attach]") {
    static int callbacks;
    callbacks = 0;
    auto const copy = [](MPI_Comm, int, void*, void* in, void* out, int* flag) {
        ++callbacks;
        *static_cast<void**>(out) = in;
        *flag = 1;
        return MPI_SUCCESS;
    };
    auto const end = [](MPI_Comm, int, void*, void*) {
        ++callbacks;
        return MPI_SUCCESS;
    };
    int key = MPI_KEYVAL_INVALID;
    MPI_Comm_create_keyval(copy, end, &key, nullptr);
    MPI_Comm mine = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, 0, 0, &mine);
    MPI_Comm_set_attr(mine, key, &key);
    {
        auto comm = attach(mine);
        auto half = comm.split(comm.rank() % 2);
        barrier(half, native{});
    }
    CHECK(callbacks == 0);
    MPI_Comm_free(&mine);
    MPI_Comm_free_keyval(&key);
    CHECK(callbacks == 1);
}

TEST_CASE("wrong sizes are refused over MPI, and nothing moves", "[mpi/misuse]") {
    std::vector<int> data(12, 5), other(11, 6);
    auto const got = outcome_of([&] { all_reduce(world(), data, other); });
    CHECK(got.kind == "usage");
    CHECK(got.has("the output has 11 elements, 12 are needed"));
    CHECK(outcome_of([&] { broadcast(world(), data, world().size()); }).has("but ranks go from 0 to"));
    CHECK(other == std::vector<int>(11, 6));
    barrier(world());
}

TEST_CASE("calls that differ are refused over MPI in checked mode", "[mpi/mismatch]") {
    if (world().size() < 2) return;
    std::vector<int> data(12, 5);
    auto const got = alone(patient(true), [&](communicator& comm) {
        auto const first = outcome_of([&] { all_reduce(comm, std::span(data).first(comm.rank() == 0 ? 12 : 11)); });
        barrier(comm);
        throw usage_error(first.text);
    });
    INFO(got.text);
    CHECK(got.has("all_reduce of 12 int32 with plus"));
    CHECK(got.has("all_reduce of 11 int32 with plus"));
    CHECK(data == std::vector<int>(12, 5));
}

TEST_CASE("calls that differ are told apart over MPI", "[mpi/mismatch]") {
    if (world().size() < 2) return;
    std::vector<int> data(12, 5);
    auto const got = alone(patient(), [&](communicator& comm) {
        all_reduce(comm, std::span(data).first(comm.rank() == 0 ? 12 : 11), std::plus<>{}, ring{});
        barrier(comm, dissemination{});
    });
    INFO(got.text);
    CHECK((got.kind == "usage" || got.kind == "transport"));
    CHECK(got.has("calls do not match"));
}

TEST_CASE("an operator that throws releases all ranks over MPI", "[mpi/failure]") {
    if (world().size() < 2) return;
    std::vector<int> data(1000, 1);
    auto const bad = [](int, int) -> int { throw std::domain_error("cannot fold these"); };
    auto const got = alone(patient(), [&](communicator& comm) {
        if (comm.rank() == 0)
            all_reduce(comm, data, commutative(bad), ring{});
        else
            all_reduce(comm, data, commutative(bad), ring{});
        barrier(comm);
    });
    INFO(got.text);
    CHECK(got.has("cannot fold these"));
}

TEST_CASE("a rank that leaves is noticed over MPI", "[mpi/failure]") {
    if (world().size() < 2) return;
    std::vector<int> data(1000, 1);
    auto const got = alone(patient(), [&](communicator& comm) {
        barrier(comm);
        if (comm.rank() == 0) throw std::runtime_error("I am leaving");
        for (;;) all_reduce(comm, data, std::plus<>{}, ring{});
    });
    INFO(got.text);
    if (world().rank() == 0)
        CHECK(got.text == "I am leaving");
    else
        CHECK(got.kind == "transport");
}

TEST_CASE("a rank that never comes is a timeout over MPI", "[mpi/failure]") {
    if (world().size() < 2) return;
    std::vector<int> data(10, 1);
    auto const got = alone(impatient(), [&](communicator& comm) {
        barrier(comm);
        if (comm.rank() == 0) { // stays away until the others have given up
            auto const told = outcome_of([&] {
                for (;;) comm.progress();
            });
            throw std::runtime_error(told.text);
        }
        all_reduce(comm, data, std::plus<>{}, ring{}); // native ones know no deadline
    });
    INFO(got.text);
    if (world().rank() != 0) CHECK((got.kind == "timeout" || got.has("gave up")));
    CHECK(got.has("no progress for 400 ms"));
}
