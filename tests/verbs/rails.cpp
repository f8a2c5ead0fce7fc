/// Several devices at once, and those that are reached over IPv6.

#include "support/ranks.hpp"
#include "verbs/ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/chorus.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

verbs_options on(std::string devices, int queue_pairs = 1, std::string gid = {}) {
    auto device = verbs_options::from_environment();
    device.device = std::move(devices);
    device.queue_pairs = queue_pairs;
    device.gid = std::move(gid);
    return device;
}

} // namespace

TEST_CASE("long messages are striped over all rails, in equal parts", "[verbs/rails][rails]") {
    for (int const queue_pairs : {1, 2, 3, 4, 5}) {
        CAPTURE(queue_pairs);
        auto const got = thrown_by_transports(2, on("rxe0,rxe1", queue_pairs), [&](communicator& comm, verbs_transport& transport) {
            constexpr std::size_t count = 300'001;
            constexpr int rounds = 3;
            std::vector<int> data(count);
            for (int round = 0; round < rounds; ++round) {
                for (std::size_t i = 0; i < count; ++i) data[i] = static_cast<int>(i) * (comm.rank() + round);
                all_reduce(comm, data);
                for (std::size_t i = 0; i < count; ++i) require(data[i] == static_cast<int>(i) * (2 * round + 1));
            }
            auto const counts = transport.rails();
            require(counts.size() == 2 && counts[0].name == "rxe0:1" && counts[1].name == "rxe1:1");
            auto const all = counts[0].bytes + counts[1].bytes;
            auto const lines = std::max(2, queue_pairs); // line q is on rail q % 2
            auto const second = static_cast<double>(lines / 2) / lines;
            require(all >= rounds * count * sizeof(int)); // two ranks: each sends the whole vector once, in two parts
            require(static_cast<double>(counts[1].bytes) > 0.95 * second * static_cast<double>(all));
            require(static_cast<double>(counts[1].bytes) < 1.05 * second * static_cast<double>(all));
        });
        CHECK(got == "");
    }
}

TEST_CASE("all collectives run over two rails", "[verbs/rails][rails]") {
    auto const got = thrown_over_verbs(
        3,
        [](communicator& comm) {
            auto const p = static_cast<std::size_t>(comm.size()), me = static_cast<std::size_t>(comm.rank());
            for (std::size_t const n : {std::size_t{3}, std::size_t{100'000}}) {
                std::vector<std::size_t> mine(n, me + 1), all(n * p);
                all_gather(comm, mine, all);
                for (std::size_t i = 0; i < all.size(); ++i) require(all[i] == i / n + 1);
                for (std::size_t i = 0; i < all.size(); ++i) all[i] = me * p + i / n;
                std::vector<std::size_t> in(n * p);
                all_to_all(comm, all, in);
                for (std::size_t i = 0; i < in.size(); ++i) require(in[i] == i / n * p + me);
            }
        },
        [](int) { return on("all", 4); });
    CHECK(got == "");
}

TEST_CASE("ranks whose ports differ in number say so", "[verbs/rails][rails]") {
    auto const got = thrown_over_verbs(
        2,
        [](communicator& comm) {
            auto const told = outcome_of([&] { barrier(comm); });
            if (told.kind != "transport" || !told.has(" ports, ")) throw std::runtime_error(told.kind + ": " + told.text);
        },
        [](int rank) { return on(rank == 0 ? "rxe0" : "rxe0,rxe1", 2); });
    CHECK(got == "");
}

TEST_CASE("IPv6 GIDs serve as well", "[verbs/rails]") {
    auto const got = thrown_over_verbs(
        2,
        [](communicator& comm) {
            std::vector<int> data(50'000, comm.rank());
            all_reduce(comm, data);
            require(std::all_of(data.begin(), data.end(), [](int each) { return each == 1; }));
            require(comm.shared_context()->transport().describe().find("fd99:0::1") != std::string::npos ||
                    comm.shared_context()->transport().describe().find("fd99::1") != std::string::npos);
        },
        [](int) { return on("rxe0", 1, "ipv6"); });
    CHECK(got == "");
}

TEST_CASE("a wish that cannot be had says what there is", "[verbs/rails]") {
    auto const told = outcome_of([] { (void)detail::open_ports(on("rxe0", 1, "192.168.0.0/16")); });
    CHECK(told.kind == "transport");
    CHECK_THAT(told.text, Catch::Contains("rxe0:1 has no such GID, only ") && Catch::Contains("10.99.0.1"));
}
