/// Elements of every alignment: operators meet them aligned, whichever way the messages took.

#include "support/decorated.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/allocate.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

template <std::size_t Alignment>
struct alignas(Alignment) strict {
    double value;
};

/// Throws where an operand is not aligned. The address passes through a volatile: compilers know that it is.
template <std::size_t Alignment>
struct checked_plus {
    static bool lies_right(strict<Alignment> const& what) {
        void const* volatile const address = &what;
        return reinterpret_cast<std::uintptr_t>(address) % Alignment == 0;
    }
    strict<Alignment> operator()(strict<Alignment> const& left, strict<Alignment> const& right) const {
        require(lies_right(left) && lies_right(right));
        return {left.value + right.value};
    }
};

template <std::size_t Alignment, class Buffer>
void check_all_reduce(communicator& comm, Buffer& data, choice const& how) {
    double const p = comm.size();
    for (std::size_t i = 0; i < data.size(); ++i) data[i].value = comm.rank() + static_cast<double>(i);
    all_reduce(comm, data, commutative(checked_plus<Alignment>{}), how);
    for (std::size_t i = 0; i < data.size(); ++i) require(data[i].value == p * (p - 1) / 2 + p * static_cast<double>(i));
}

template <std::size_t Alignment>
void check_rank(communicator& comm) {
    for (std::size_t const bytes : {0u, 1u, 1000u, 40'000u}) {
        auto const n = bytes / Alignment + 1;
        std::vector<strict<Alignment>> data(n);
        auto shared = allocate<strict<Alignment>>(comm, n);
        for (auto const* const name : {"", "ring", "tree", "recursive_doubling", "rabenseifner", "one_shot", "two_shot"})
            for (int const segments : {1, 3}) {
                choice how;
                how.name = name;
                how.segments = segments;
                check_all_reduce<Alignment>(comm, data, how);
                check_all_reduce<Alignment>(comm, shared, how);
            }
        std::vector<strict<Alignment>> blocks(n * static_cast<std::size_t>(comm.size()), {1}), mine(n);
        reduce_scatter(comm, blocks, mine, checked_plus<Alignment>{}, direct{});
        require(mine[n - 1].value == comm.size());
        exclusive_scan(comm, mine, checked_plus<Alignment>{});
        require(mine[n - 1].value == (comm.rank() == 0 ? 1 : comm.rank()) * comm.size());
    }
}

/// What the ranks have thrown, over threads in every dress, shared memory between threads, and between processes.
template <std::size_t Alignment>
std::string wrong_with() {
    std::string wrong;
    auto const rank = [](communicator& comm) { check_rank<Alignment>(comm); };
    for (auto const dress : all_dresses) wrong += thrown_by([&] { run_dressed(3, patient(), dress, 1, rank); });
    shm_options small; // rings that a message wraps around
    small.ring_bytes = 16384;
    for (int const ranks : {2, 3}) {
        for (auto const& each : run_shm_threads(ranks, patient(), rank, small)) wrong += each;
        wrong += thrown_by_processes(ranks, patient(), rank);
    }
    return wrong;
}

} // namespace

TEST_CASE("an operator meets its operands aligned, on every path of every transport", "[runtime/alignment]") {
    CHECK(wrong_with<16>().empty());
    CHECK(wrong_with<32>().empty());
    CHECK(wrong_with<64>().empty());
    CHECK(wrong_with<256>().empty());
    CHECK(wrong_with<4096>().empty());
}
