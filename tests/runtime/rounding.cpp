/// Where 16-bit floats round: once where all operands are at hand, the same bits on every transport, and means that do not overflow.

#include "support/decorated.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/chorus.hpp>
#include <chorus/runtime/allocate.hpp>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Numbers whose sums round: one large, the others smaller than half a unit of its last place.
template <class T>
T term(int rank, std::size_t i) {
    auto const h = detail::hash_word(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(rank) + 5);
    return T(static_cast<std::size_t>(rank) == i % 3 ? 256.0f + static_cast<float>(h % 64) : 0.25f + static_cast<float>(h % 1000) / 1024);
}
template <class T>
void fill(T* data, std::size_t n, int rank) {
    for (std::size_t i = 0; i < n; ++i) data[i] = term<T>(rank, i);
}
/// In rank order, in float, rounded once.
template <class T, class Op>
T expected(int p, std::size_t i) {
    auto const part = std::is_same_v<Op, average> ? 1 / static_cast<float>(std::bit_ceil(static_cast<unsigned>(p))) : 1.0f;
    float all = static_cast<float>(term<T>(0, i)) * part;
    for (int rank = 1; rank < p; ++rank) all += static_cast<float>(term<T>(rank, i)) * part;
    return T(std::is_same_v<Op, average> ? all / (static_cast<float>(p) * part) : all);
}
template <class T, class Op>
void check_bits(T const* data, std::size_t n, int p, std::size_t first = 0, int line = __builtin_LINE()) {
    for (std::size_t i = 0; i < n; ++i) require(data[i].bits() == expected<T, Op>(p, first + i).bits(), line);
}

template <class T, class Op>
void check_once(communicator& comm) {
    auto const p = comm.size(), rank = comm.rank();
    for (std::size_t const n : {5u, 2100u})
        for (auto const* const name : {"one_shot", "two_shot"})
            for (int const segments : {1, 3, 20}) {
                choice how;
                how.name = name;
                how.segments = segments;
                std::vector<T> input(n), output(n);
                fill(input.data(), n, rank);
                all_reduce(comm, input, output, Op{}, how);
                check_bits<T, Op>(output.data(), n, p);
                auto shared = allocate<T>(comm, n);
                fill(shared.data(), n, rank);
                all_reduce(comm, shared, Op{}, how);
                check_bits<T, Op>(shared.data(), n, p);
                how.name = "direct";
                reduce(comm, input, output, Op{}, p - 1, how);
                if (rank == p - 1) check_bits<T, Op>(output.data(), n, p);
                std::vector<T> blocks(n * static_cast<std::size_t>(p)), mine(n);
                fill(blocks.data(), blocks.size(), rank);
                reduce_scatter(comm, blocks, mine, Op{}, how);
                check_bits<T, Op>(mine.data(), n, p, n * static_cast<std::size_t>(rank));
            }
}
void check_rank(communicator& comm) {
    check_once<float16, std::plus<>>(comm);
    check_once<bfloat16, std::plus<>>(comm);
    check_once<float16, average>(comm);
    check_once<bfloat16, average>(comm);
}

bool is_near(float16 value, float mean) { return std::fabs(static_cast<float>(value) - mean) <= 0.01f * mean; }

/// Every collective with a mean, by every algorithm: sums of such numbers are infinite.
void check_means(communicator& comm) {
    auto const p = comm.size(), rank = comm.rank();
    auto const ranks = static_cast<std::size_t>(p), self = static_cast<std::size_t>(rank);
    auto const mine = float16(40000 + 1000 * static_cast<float>(rank));
    auto const mean = 40000 + 500 * static_cast<float>(p - 1);
    constexpr std::size_t n = 37;
    auto const each_of = [&](collective what, auto call) {
        for (auto const& entry : entries_of(what)) {
            choice how;
            how.name = entry.name;
            if (entry.record == nullptr || (entry.refuses != nullptr && !entry.refuses(p, how).empty())) continue;
            call(how);
        }
    };
    each_of(collective::all_reduce, [&](choice const& how) {
        std::vector<float16> const input(n, mine);
        std::vector<float16> data(n, mine), output(n);
        all_reduce(comm, data, average{}, how);
        all_reduce(comm, input, output, average{}, how);
        require(is_near(data[n - 1], mean) && is_near(output[0], mean) && input[0].bits() == mine.bits());
        auto repeated = persistent_all_reduce(comm, input, output, average{}, how);
        for (int round = 0; round < 2; ++round) {
            output.assign(n, float16(0));
            repeated.start();
            repeated.wait();
            require(is_near(output[n - 1], mean));
        }
    });
    each_of(collective::reduce, [&](choice const& how) {
        std::vector<float16> data(n, mine);
        reduce(comm, data, average{}, 0, how);
        require(rank == 0 ? is_near(data[1], mean) : data[1].bits() == mine.bits());
    });
    each_of(collective::reduce_scatter, [&](choice const& how) {
        std::vector<float16> blocks(n * ranks, mine), other = blocks;
        reduce_scatter(comm, blocks, average{}, how);
        require(is_near(blocks[n * self + 3], mean));
        std::vector<std::size_t> counts(ranks), displacements(ranks);
        for (std::size_t r = 0; r < ranks; ++r) counts[r] = r, displacements[r] = n * (ranks - 1 - r);
        std::vector<float16> output(self);
        reduce_scatter_v(comm, other, output, ragged(counts, displacements), average{}, how);
        for (auto const each : output) require(is_near(each, mean));
        for (auto const each : other) require(each.bits() == mine.bits());
    });
}

/// What the ranks have thrown, over threads in every dress, over shared memory between threads and between processes.
template <class F>
std::string wrong_on_any_transport(int ranks, F f) {
    std::string wrong;
    for (auto const dress : all_dresses) wrong += thrown_by([&] { run_dressed(ranks, patient(), dress, 1, f); });
    shm_options small; // rings that a message wraps around
    small.ring_bytes = 16384;
    for (auto const& each : run_shm_threads(ranks, patient(), f, small)) wrong += each;
    return wrong + thrown_by_processes(ranks, patient(), f);
}

} // namespace

TEST_CASE("where all operands are at hand 16-bit floats round once, on every transport alike", "[runtime/rounding]") {
    for (int const p : {2, 3, 5, 8}) {
        CAPTURE(p);
        CHECK(wrong_on_any_transport(p, check_rank) == "");
    }
}

TEST_CASE("a mean of half-precision numbers does not overflow, by any algorithm", "[runtime/rounding]") {
    for (int const p : {1, 2, 3, 4, 7}) {
        CAPTURE(p);
        CHECK(wrong_on_any_transport(p, check_means) == "");
    }
}
