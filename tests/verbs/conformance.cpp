/// The conformance suite over verbs.

#include "support/conformance.hpp"
#include "support/seed.hpp"
#include "verbs/ranks.hpp"

#include <chorus/transport/verbs_hosts.hpp>

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/allocate.hpp>

#include <catch2/catch.hpp>

#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

std::string wrong(int p, conformance_plan const& plan, verbs_options const& device = verbs_options::from_environment()) {
    return thrown_over_verbs(
        p,
        [&](communicator& comm) {
            if (auto const text = conformance(comm, plan); !text.empty()) throw std::runtime_error(text);
        },
        [&](int) { return device; });
}

} // namespace

TEST_CASE("every collective by every algorithm over verbs", "[verbs/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : {2, 3}) {
        CAPTURE(p);
        CHECK(wrong(p, {.seed = seed}) == "");
    }
}

TEST_CASE("more ranks over verbs", "[verbs/conformance][long]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : {4, 8}) {
        CAPTURE(p);
        CHECK(wrong(p, {.seed = seed}) == "");
    }
    CHECK(wrong(2, {.seed = seed, .large = true}) == "");
}

TEST_CASE("few credits, a short queue and several queue pairs change nothing", "[verbs/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    auto device = verbs_options::from_environment();
    device.credits = 4;
    device.send_queue = 16;
    device.queue_pairs = 3;
    device.eager_bytes = 256;
    CHECK(wrong(3, {.seed = seed}, device) == "");
}

TEST_CASE("one algorithm for each collective up to 8 MiB", "[verbs/conformance]") {
    CHECK(thrown_over_verbs(2, [](communicator& comm) {
              for (std::size_t const bytes : {std::size_t{1} << 16, (std::size_t{1} << 20) + 12, std::size_t{8} << 20}) {
                  auto const n = bytes / sizeof(int);
                  auto const value = [](int rank, std::size_t i) { return static_cast<int>(i % 1000) * (rank + 1); };
                  std::vector<int> mine(n), all(2 * n), other(n);
                  for (std::size_t i = 0; i < n; ++i) mine[i] = value(comm.rank(), i);
                  auto sum = mine;
                  all_reduce(comm, sum);
                  all_gather(comm, mine, all);
                  for (std::size_t i = 0; i < n; ++i) {
                      require(sum[i] == value(0, i) + value(1, i));
                      require(all[i] == value(0, i) && all[n + i] == value(1, i));
                  }
                  std::vector<int> turned(2 * n);
                  for (std::size_t i = 0; i < 2 * n; ++i) all[i] = value(comm.rank(), i);
                  all_to_all(comm, all, turned);
                  for (std::size_t i = 0; i < n; ++i) {
                      require(turned[i] == value(0, static_cast<std::size_t>(comm.rank()) * n + i));
                      require(turned[n + i] == value(1, static_cast<std::size_t>(comm.rank()) * n + i));
                  }
                  reduce_scatter(comm, all, other);
                  for (std::size_t i = 0; i < n; ++i) {
                      auto const at = static_cast<std::size_t>(comm.rank()) * n + i;
                      require(other[i] == value(0, at) + value(1, at));
                  }
                  auto from_one = mine;
                  broadcast(comm, from_one, 1);
                  for (std::size_t i = 0; i < n; ++i) require(from_one[i] == value(1, i));
              }
          }) == "");
}

TEST_CASE("registered memory, private memory and both", "[verbs/conformance]") {
    CHECK(thrown_over_verbs(3, [](communicator& comm) {
              for (int round = 0; round < 3; ++round) {
                  auto shared = allocate<float>(comm, 100'000);
                  require(shared.is_shared());
                  std::fill(shared.begin(), shared.end(), 1.0f);
                  std::vector<float> own(100'000, 1);
                  all_reduce(comm, shared);
                  if (comm.rank() == 1) all_reduce(comm, shared);
                  else all_reduce(comm, own);
                  require(shared[99'999] == (comm.rank() == 1 ? 5.0f : 3.0f));
                  if (comm.rank() != 1) require(own[5] == 5.0f);
              }
          }) == "");
}

TEST_CASE("shared memory within two hosts and verbs between them, as one communicator", "[verbs/hosts]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    scratch_folder const meeting;
    std::vector<int> const hosts{0, 0, 1, 1};
    auto const got = thrown_by_processes(4, patient(), [&](communicator& processes) {
        file_store over(meeting.path());
        auto comm = join_verbs_hosts(over, processes.rank(), hosts, patient());
        require(comm.hosts() == hosts);
        if (auto const text = conformance(comm, {.seed = seed}); !text.empty()) throw std::runtime_error(text);
        std::vector<int> data(5000, comm.rank());
        all_reduce(comm, data, std::plus<>{}, hierarchical{});
        require(data.back() == 6);
    });
    CHECK(got == "");
}
