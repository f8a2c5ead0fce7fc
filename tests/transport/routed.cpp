/// Two transports as one: threads on several hubs that play hosts, and one hub for all between them.

#include "support/conformance.hpp"
#include "support/decorated.hpp"
#include "support/ranks.hpp"
#include "support/seed.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/transport/decorators.hpp>
#include <chorus/transport/routed.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Runs f on `hosts.size()` ranks, rank i on host hosts[i]; returns what was thrown. `Between` is made of the threads transport that
/// joins all.
template <class Between, class F>
std::string thrown_on_hosts(std::vector<int> const& hosts, F f) {
    std::vector<std::shared_ptr<detail::thread_hub>> hubs;
    auto const on_host = [&](int host, int before) { return static_cast<int>(std::count(hosts.begin(), hosts.begin() + before, host)); };
    auto const ranks = static_cast<int>(hosts.size());
    for (int host = 0; host < ranks; ++host) hubs.push_back(std::make_shared<detail::thread_hub>(std::max(1, on_host(host, ranks))));
    auto const make = [&](std::shared_ptr<detail::thread_hub> const& all, int rank) {
        auto const host = hosts[static_cast<std::size_t>(rank)];
        auto near = std::make_unique<threads_transport>(hubs[static_cast<std::size_t>(host)], on_host(host, rank));
        auto far = std::make_unique<Between>(std::make_unique<threads_transport>(all, rank));
        return any_transport::own(std::make_unique<routed<threads_transport, Between>>(std::move(near), std::move(far), hosts));
    };
    return thrown_by([&] { detail::run_ranks(ranks, patient(), make, [&](communicator& comm) { f(comm); }); });
}

using plain_between = transport_decorator<threads_transport>;
using unviewed_between = unviewed<threads_transport>;

std::vector<std::vector<int>> const layouts{{0}, {0, 0}, {0, 1}, {0, 0, 1}, {0, 1, 0, 1}, {0, 0, 0, 1, 2}};

} // namespace

TEST_CASE("every collective over two transports at once", "[transport/routed]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (auto const& hosts : layouts) {
        auto const check = [&](communicator& comm) {
            if (auto const wrong = conformance(comm, {.seed = seed}); !wrong.empty()) throw std::runtime_error(wrong);
        };
        CAPTURE(hosts);
        CHECK(thrown_on_hosts<plain_between>(hosts, check) == "");
        CHECK(thrown_on_hosts<unviewed_between>(hosts, check) == "");
    }
}

TEST_CASE("hierarchical finds the hosts by itself", "[transport/routed]") {
    CHECK(thrown_on_hosts<plain_between>({0, 1, 0, 1, 1}, [](communicator& comm) {
              if (comm.hosts() != std::vector{0, 1, 0, 1, 1}) throw std::runtime_error("other hosts");
              std::vector<int> data(100, comm.rank());
              all_reduce(comm, data, std::plus<>{}, hierarchical{});
              if (data != std::vector<int>(100, 10)) throw std::runtime_error("wrong sum");
          }) == "");
}

TEST_CASE("a failure on one host reaches the ranks of all, by its own number", "[transport/routed]") {
    auto const got = thrown_on_hosts<plain_between>({0, 0, 1, 1}, [](communicator& comm) {
        std::vector<int> data(10'000, 1);
        if (comm.rank() == 3) throw std::runtime_error("no more");
        auto const told = outcome_of([&] {
            for (;;) all_reduce(comm, data, std::plus<>{}, ring{});
        });
        if (!told.has("rank 3 gave up: no more")) throw std::runtime_error(told.text);
    });
    CHECK(got == "rank 3: no more");
}
