/// What happens over verbs when a rank dies, a queue pair fails, a link is cut, or a rank floods another one.

#include "support/ranks.hpp"
#include "verbs/ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/chorus.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Calls until something is thrown; says what, and how long after `since`.
template <class F>
outcome until_told(F call) {
    return outcome_of([&] {
        for (;;) call();
    });
}

} // namespace

TEST_CASE("a killed rank is named by all others within two seconds", "[verbs/fault]") {
    for (std::size_t const n : {std::size_t{10}, std::size_t{300'000}}) {
        CAPTURE(n);
        auto const got = thrown_over_verbs(4, [&](communicator& comm) {
            std::vector<int> data(n, 1);
            all_reduce(comm, data);
            auto killed = chorus::clock::now() + std::chrono::milliseconds(300);
            std::thread killer;
            if (comm.rank() == 2)
                killer = std::thread([killed] {
                    std::this_thread::sleep_until(killed);
                    ::raise(SIGKILL);
                });
            auto const told = until_told([&] { all_reduce(comm, data, std::bit_or<>{}, ring{}); });
            if (told.kind != "transport" || !told.has("rank 2 died")) throw std::runtime_error("not named: " + told.text);
            if (chorus::clock::now() - killed > std::chrono::seconds(2)) throw std::runtime_error("told late");
            std::fill(data.begin(), data.end(), 7);
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            if (!std::all_of(data.begin(), data.end(), [](int each) { return each == 7; })) throw std::runtime_error("a buffer was touched after the throw");
        });
        CHECK(got == "rank 2: was killed by signal 9 (Killed)");
    }
}

TEST_CASE("a queue pair in the error state fails the job and names the peer", "[verbs/fault]") {
    auto const got = thrown_by_transports(3, verbs_options::from_environment(), [](communicator& comm, verbs_transport& transport) {
        std::vector<int> data(2000, 1);
        all_reduce(comm, data, std::bit_or<>{}, ring{});
        auto const since = chorus::clock::now();
        if (comm.rank() == 1) {
            ibv_qp_attr broken{};
            broken.qp_state = IBV_QPS_ERR;
            if (ibv_modify_qp(transport.queue_pair(2, 0), &broken, IBV_QP_STATE) != 0) throw std::runtime_error("it cannot be broken");
        }
        auto const told = until_told([&] { all_reduce(comm, data, std::bit_or<>{}, ring{}); });
        if (told.kind != "transport" || !(told.has("rank 2") || told.has("rank 1"))) throw std::runtime_error("not named: " + told.text);
        if (chorus::clock::now() - since > std::chrono::seconds(3)) throw std::runtime_error("told late");
    });
    CHECK(got == "");
}

TEST_CASE("messages that nobody reads yet wait with their sender", "[verbs/credits]") {
    auto device = verbs_options::from_environment();
    device.credits = 4;
    device.send_queue = 16;
    for (bool const small : {true, false}) {
        auto const got = thrown_over_verbs(
            3,
            [](communicator& comm) { // a receiver that is not ready would be an error: nobody tries twice
                constexpr int messages = 300;
                std::vector<int> out(50, comm.rank()), in(50);
                std::vector<request> all;
                if (comm.rank() == 0) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(300));
                    for (int i = 0; i < messages; ++i)
                        for (int const from : {1, 2}) {
                            recv(comm, in, from);
                            require(in.back() == from * 1000 + i);
                        }
                } else {
                    for (int i = 0; i < messages; ++i) {
                        out.assign(50, comm.rank() * 1000 + i);
                        send(comm, out, 0);
                    }
                }
                barrier(comm);
            },
            [&](int) { return small ? device : verbs_options::from_environment(); });
        CHECK(got == "");
    }
}

TEST_CASE("calls that differ are told apart over verbs", "[verbs/mismatch]") {
    for (std::size_t const other : {std::size_t{11}, std::size_t{30'000}}) // short against short, short against long
        for (bool const swapped : {false, true}) {
            CAPTURE(other, swapped);
            auto const got = thrown_over_verbs(2, [&](communicator& comm) {
                std::vector<int> data(comm.rank() == (swapped ? 1 : 0) ? 10 : other, 1);
                auto const told = outcome_of([&] { all_reduce(comm, data, std::plus<>{}, recursive_doubling{}); });
                if (told.kind != "usage" && told.kind != "transport") throw std::runtime_error("a " + told.kind + " error: " + told.text);
            });
            CHECK(got == "");
        }
}

TEST_CASE("a link that is cut is an error within two seconds", "[verbs/fault][wire]") {
    auto const got = thrown_over_verbs(
        2,
        [](communicator& comm) {
            std::vector<int> data(1000, 1);
            all_reduce(comm, data);
            auto const since = chorus::clock::now();
            if (comm.rank() == 0 && std::system("ip link set cable0 down") != 0) throw std::runtime_error("it cannot be cut");
            auto const told = until_told([&] { all_reduce(comm, data, std::bit_or<>{}); });
            if (told.kind != "transport" || !(told.has("peer ") || told.has("rank 1 "))) throw std::runtime_error("not named: " + told.text);
            if (chorus::clock::now() - since > std::chrono::milliseconds(2500)) throw std::runtime_error("told late");
        },
        [](int rank) {
            auto device = verbs_options::from_environment();
            device.device = rank == 0 ? "wire0" : "wire1";
            device.address = "127.0.0.1";
            return device;
        });
    CHECK(got == "");
    CHECK(std::system("ip link set cable0 up") == 0);
}
