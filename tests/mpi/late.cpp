/// Ranks that come late are no failure, and equal calls no mismatch; calls that differ are named as they were made.

#include "support/conformance_cases.hpp"
#include "support/ranks.hpp"
#include "world.hpp"

#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr std::chrono::milliseconds lateness{130}; // two looks for trouble

void call(communicator& comm, collective what, choice const& how, int root, std::size_t block) {
    auto const ranks = static_cast<std::size_t>(comm.size());
    std::vector<int> one(block, comm.rank()), all(block * ranks, comm.rank()), out(block * ranks);
    switch (what) {
    case collective::all_reduce:
        return all_reduce(comm, all, std::plus<>{}, how);
    case collective::broadcast:
        return broadcast(comm, all, root, how);
    case collective::reduce:
        return reduce(comm, all, std::plus<>{}, root, how);
    case collective::scan:
        return scan(comm, all, std::plus<>{}, how);
    case collective::exclusive_scan:
        return exclusive_scan(comm, all, std::plus<>{}, how);
    case collective::barrier:
        return barrier(comm, how);
    case collective::reduce_scatter:
        return reduce_scatter(comm, all, one, std::plus<>{}, how);
    case collective::all_gather:
        return all_gather(comm, one, out, how);
    case collective::gather:
        return gather(comm, one, comm.rank() == root ? out : std::vector<int>(), root, how);
    case collective::scatter:
        return scatter(comm, comm.rank() == root ? all : std::vector<int>(), one, root, how);
    case collective::all_to_all:
        return all_to_all(comm, all, out, how);
    case collective::send_recv:
        break;
    }
}

/// What this rank says where rank 0 makes two calls in this order, the others in the other.
outcome crossed(std::function<void(communicator&)> const& one, std::function<void(communicator&)> const& other) {
    auto const got = outcome_of([&] {
        auto comm = attach(MPI_COMM_WORLD, patient());
        auto const first = comm.rank() == 0;
        (first ? one : other)(comm);
        (first ? other : one)(comm);
        barrier(comm, dissemination{});
    });
    barrier(world());
    return got;
}

} // namespace

TEST_CASE("a late rank is no mismatch, whatever the algorithm, where messages have two lengths", "[mpi/late]") {
    auto comm = attach(MPI_COMM_WORLD, patient());
    auto const p = comm.size();
    int number = 0;
    for (std::size_t w = 0; w < collective_names.size(); ++w) {
        auto const what = static_cast<collective>(w);
        if (what == collective::send_recv) continue;
        for (auto how : algorithms_of(what, p)) {
            auto const* const entry = find(entries_of(what), how.name);
            if (entry != nullptr && entry->refuses != nullptr && !entry->refuses(p, how).empty()) continue;
            if (!how.automatic()) how.segments = 3;
            auto const late = number++ % p, root = number / p % p;
            if (comm.rank() == late) std::this_thread::sleep_for(lateness);
            auto const got = outcome_of([&] { call(comm, what, how, root, 3 * 4096 + 1); });
            CAPTURE(name(what), to_string(how), late, root);
            REQUIRE(got.text == "");
        }
    }
}

TEST_CASE("calls in another order are named in the order of each rank", "[mpi/mismatch]") {
    if (world().size() < 2) return;
    std::vector<int> data(12, 5), all(12 * static_cast<std::size_t>(world().size()));
    auto const folds = [&](communicator& comm) { all_reduce(comm, data, std::plus<>{}, ring{}); };
    auto const waits = [&](communicator& comm) { barrier(comm, dissemination{}); };
    auto const gathers = [&](communicator& comm) { all_gather(comm, data, all, ring{}); };
    auto const says = [&](outcome const& got, std::string const& zero, std::string const& others) {
        INFO(got.text);
        CHECK(got.has("calls do not match"));
        CHECK(got.has("rank 0 calls " + zero));
        CHECK(got.has(" calls " + others));
        CHECK_FALSE(got.has("rank 0 calls " + others));
    };
    says(crossed(folds, waits), "all_reduce of 12 int32 with plus", "barrier");
    says(crossed(waits, folds), "barrier", "all_reduce of 12 int32 with plus");
    says(crossed(gathers, folds), "all_gather of 12 int32", "all_reduce of 12 int32 with plus");
}

TEST_CASE("a root that has gone ahead is told what it called before", "[mpi/mismatch]") {
    if (world().size() < 2) return;
    std::vector<int> data(12, 5);
    auto const got = outcome_of([&] {
        auto comm = attach(MPI_COMM_WORLD, patient());
        auto const count = std::size_t(comm.rank() == 0 ? 12 : 11);
        for (int i = 0; i < 20; ++i) broadcast(comm, std::span(data).first(i == 0 ? count : 12), 0, binomial{});
        barrier(comm, dissemination{});
    });
    barrier(world());
    INFO(got.text);
    CHECK(got.has("calls do not match"));
    CHECK(got.has("rank 0 calls broadcast of 12 int32"));
    CHECK(got.has("calls broadcast of 11 int32"));
}

TEST_CASE("messages from point to point that differ are told apart over MPI, by their order", "[mpi/mismatch]") {
    if (world().size() < 2) return;
    std::vector<int> data(12, 5);
    auto const got = outcome_of([&] {
        auto comm = attach(MPI_COMM_WORLD, patient());
        for (int i = 0; i < 3; ++i) {
            auto const part = std::span(data).first(i == 2 && comm.rank() == 1 ? 11 : 12);
            if (comm.rank() == 0) send(comm, part, 1);
            if (comm.rank() == 1) recv(comm, part, 0);
        }
        barrier(comm, dissemination{});
    });
    barrier(world());
    INFO(got.text);
    CHECK(got.has("rank 0 calls send_recv of 12 int32"));
    CHECK(got.has("rank 1 calls send_recv of 11 int32"));
}

TEST_CASE("a message that comes late is no mismatch of point to point", "[mpi/late]") {
    if (world().size() < 2) return;
    auto comm = attach(MPI_COMM_WORLD, patient());
    std::vector<int> odd(7), even(8);
    auto const got = outcome_of([&] {
        for (int i = 0; i < 8; ++i) {
            auto& data = i % 2 == 0 ? even : odd;
            if (comm.rank() == i % 2) std::this_thread::sleep_for(lateness);
            if (comm.rank() == 0) send(comm, data, 1);
            if (comm.rank() == 1) recv(comm, data, 0);
        }
    });
    CHECK(got.text == "");
}
