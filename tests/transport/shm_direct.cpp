/// Folds that go straight to the memory of other ranks: the same bits as messages, whoever's memory can be reached.

#include "support/sanitized.hpp"
#include "support/seed.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/explain_choice.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Memory of `allocate` or the rank's own.
template <class T>
struct memory {
    shared_buffer<T> shared;
    std::vector<T> own;
    std::span<T> all;
    memory(communicator& comm, bool direct, std::size_t count) {
        if (direct) {
            shared = allocate<T>(comm, count);
            all = std::span<T>(shared.data(), count);
        } else {
            own.resize(count);
            all = own;
        }
    }
};

/// The sum of all ranks on a communicator that expects shared buffers, on both kinds.
void sums_are_right(communicator& comm) {
    for (auto const direct : {false, true}) {
        std::size_t const count = std::size_t{1} << 20;
        memory<float> in(comm, direct, count), out(comm, direct, count);
        for (std::size_t i = 0; i < count; ++i) in.all[i] = static_cast<float>(i % 100) + static_cast<float>(comm.rank());
        all_reduce(comm, std::span<float const>(in.all), out.all);
        auto const p = static_cast<float>(comm.size());
        for (std::size_t i = 0; i < count; ++i)
            if (out.all[i] != p * static_cast<float>(i % 100) + p * (p - 1) / 2) throw std::runtime_error("a sum is wrong at " + std::to_string(i));
    }
}

/// One all_reduce and one reduce_scatter of values whose sums round, on private memory and on whatever the dice say.
template <class T, class Op>
void compare_paths(communicator& comm, std::mt19937_64& common, std::mt19937_64& mine, Op op) {
    auto const p = static_cast<std::size_t>(comm.size());
    auto const block = 1 + common() % 3000, count = block * p;
    bool const all_direct = common() % 2 == 0, in_place = common() % 3 == 0, ring_instead = common() % 3 == 0;
    auto const dice = [&] { return all_direct || mine() % 2 == 0; };
    memory<T> in(comm, dice(), count), out(comm, dice(), count), blocks(comm, dice(), block);
    std::vector<T> values(count), wanted(count), wanted_block(block);
    for (auto& each : values) each = static_cast<T>(static_cast<float>(static_cast<int>(mine() % 2001) - 1000) / 7.0f);

    auto const same = [](std::span<T const> a, std::span<T const> b) { return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0; };
    auto const fail = [&](char const* what) {
        throw std::runtime_error(std::string(what) + " differs, block " + std::to_string(block) + (in_place ? ", in place" : ""));
    };
    auto const reduce = [&](std::span<T const> from, std::span<T> to) {
        if (in_place) std::copy(from.begin(), from.end(), to.begin());
        if (in_place && ring_instead) all_reduce(comm, to, op, ring{});
        else if (in_place) all_reduce(comm, to, op, two_shot{});
        else if (ring_instead) all_reduce(comm, from, to, op, ring{});
        else all_reduce(comm, from, to, op, two_shot{});
    };
    reduce(values, wanted);
    std::copy(values.begin(), values.end(), in.all.begin());
    for (int again = 0; again < 2; ++again) { // through the caches and past them
        reduce(in.all, out.all);
        if (!same(out.all, wanted)) fail("all_reduce");
        if (!in_place && !same(in.all, values)) fail("the input of all_reduce");
    }
    reduce_scatter(comm, values, wanted_block, op, direct{});
    reduce_scatter(comm, in.all, blocks.all, op, direct{});
    if (!same(blocks.all, wanted_block)) fail("reduce_scatter");
}

void compare_all(communicator& comm, std::uint64_t seed, int rounds) {
    std::mt19937_64 common(seed), mine(seed + static_cast<std::uint64_t>(comm.rank()) + 1);
    for (int round = 0; round < rounds; ++round) {
        compare_paths<float>(comm, common, mine, std::plus<>{});
        compare_paths<float16>(comm, common, mine, std::plus<>{});
        compare_paths<bfloat16>(comm, common, mine, average{});
        compare_paths<std::int32_t>(comm, common, mine, maximum{});
        compare_paths<float>(comm, common, mine, commutative([](float a, float b) { return a + b / 2; })); // it is not, but nobody may notice
    }
}

} // namespace

TEST_CASE("folds into other ranks' memory give the bits of messages", "[transport/shm/direct]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    auto const rounds = CHORUS_SANITIZED != 0 ? 3 : 10;
    for (int const p : {2, 3, 5}) {
        CAPTURE(p);
        CHECK(thrown_by_processes(p, patient(), [&](communicator& comm) { compare_all(comm, seed, rounds); }) == "");
        for (auto const& wrong : run_shm_threads(p, patient(), [&](communicator& comm) { compare_all(comm, seed + 1, rounds); }))
            CHECK(wrong == "");
    }
}

TEST_CASE("a reply completes the receive before the send, whether that was posted or not", "[transport/shm/direct]") {
    auto const job = detail::shm_job::create(2, {});
    std::vector<std::unique_ptr<shm_transport>> all(2);
    std::thread other([&] { all[1] = std::make_unique<shm_transport>(job, 1, clock::now() + std::chrono::seconds(20)); });
    all[0] = std::make_unique<shm_transport>(job, 0, clock::now() + std::chrono::seconds(20));
    other.join();
    constexpr std::size_t bytes = 10'000;
    auto* const out = all[0]->allocate(bytes);
    auto* const back = all[0]->allocate(bytes);
    std::memset(out, 5, bytes);
    piece const sent{out, bytes}, answer{back, bytes};
    std::vector<std::byte> staging(bytes);
    for (std::uint32_t turn = 1; turn <= 3; ++turn) {
        exchange const ex{0, turn, 42, 0};
        bool const posted = turn == 2, answers = turn != 3;
        if (posted) CHECK_FALSE(all[0]->post_recv(1, ex, std::span(&answer, 1), 8));
        CHECK_FALSE(all[0]->post_offer(1, ex, std::span(&sent, 1), 7, {answer, 8, 3}));
        auto const* const view = all[1]->post_view(0, ex, {staging.data(), bytes}, 9);
        REQUIRE(view != nullptr);
        CHECK(all[1]->reply_memory(9, 2, bytes) == nullptr); // another message
        CHECK(all[1]->reply_memory(9, 3, bytes - 1) == nullptr);
        auto* const memory = all[1]->reply_memory(9, 3, bytes);
        REQUIRE(memory != nullptr);
        if (answers) {
            std::memset(memory, static_cast<int>(turn), bytes);
            all[1]->reply(9);
        } else {
            all[1]->release(9);
        }
        std::array<completion, 4> some;
        auto const found = all[0]->poll(some);
        REQUIRE(found == (answers ? 2u : 1u));
        if (answers) {
            CHECK(some[0].which == 8);
            CHECK(back[bytes - 1] == static_cast<std::byte>(turn));
        }
        CHECK(some[found - 1].which == 7);
        CHECK(all[0]->poll(some) == 0);
    }
    exchange const last{0, 4, 42, 0}; // taken back: nobody gets to see it or its memory
    CHECK_FALSE(all[0]->post_offer(1, last, std::span(&sent, 1), 7, {answer, 8, 3}));
    CHECK(all[0]->withdraw());
    CHECK(all[1]->post_view(0, last, {staging.data(), bytes}, 9) == nullptr);
    CHECK(all[1]->reply_memory(9, 3, bytes) == nullptr);
}

TEST_CASE("a communicator that expects shared buffers chooses for them, is right on any, and passes it on", "[transport/shm/direct]") {
    auto const thrown = thrown_by_processes(4, patient(), [](communicator& comm) {
        auto const chosen = [](communicator const& of) { return std::string(of.explain(collective::all_reduce, 4 << 20).chosen()); };
        auto const before = chosen(comm);
        auto direct = comm.dup();
        direct.expect_shared_buffers();
        auto half = direct.split(comm.rank() % 2);
        auto again = direct.dup();
        if (chosen(again) != "two_shot" || chosen(direct) != "two_shot") throw std::runtime_error("it chooses " + chosen(direct));
        if (before == "two_shot" || chosen(comm) != before) throw std::runtime_error("private: " + before);
        sums_are_right(direct);
        sums_are_right(half);
        sums_are_right(comm);
        direct.expect_shared_buffers(false);
        if (chosen(direct) != before) throw std::runtime_error("it does not go back");
        sums_are_right(direct);
    });
    CHECK(thrown == "");
}
