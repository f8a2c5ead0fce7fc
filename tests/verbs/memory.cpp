/// Memory that the device knows, and that the program frees and gets again.

#include "support/ranks.hpp"
#include "verbs/ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/chorus.hpp>

#include <catch2/catch.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr std::size_t bytes = std::size_t{256} << 10;
std::span<int> map(void* where = nullptr) {
    auto* const memory = ::mmap(where, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (where != nullptr ? MAP_FIXED : 0), -1, 0);
    require(memory != MAP_FAILED);
    return {static_cast<int*>(memory), bytes / sizeof(int)};
}
void exchange_and_check(communicator& comm, std::span<int> out, std::span<int> in, int round) {
    std::fill(out.begin(), out.end(), 1000 * round + comm.rank());
    std::fill(in.begin(), in.end(), -1);
    auto sent = async_send(comm, out, 1 - comm.rank());
    recv(comm, in, 1 - comm.rank());
    sent.wait();
    require(std::all_of(in.begin(), in.end(), [&](int each) { return each == 1000 * round + 1 - comm.rank(); }));
}

} // namespace

TEST_CASE("memory that is mapped anew at the same address gets its own messages", "[verbs/memory]") {
    for (std::size_t const kept : {std::size_t{1} << 30, std::size_t{0}}) {
        CAPTURE(kept);
        auto device = verbs_options::from_environment();
        device.kept_bytes = kept;
        CHECK(thrown_by_transports(2, device, [&](communicator& comm, verbs_transport& transport) {
                  auto out = map(), in = map();
                  for (int round = 0; round < 30; ++round) {
                      exchange_and_check(comm, out, in, round);
                      if (round % 3 == 0) ::munmap(in.data(), bytes);
                      if (round % 3 != 2) in = map(in.data()); // over it, or where it was
                      else ::madvise(out.data(), bytes, MADV_DONTNEED);
                  }
                  auto const counts = transport.registrations();
                  require(counts.misses >= 30);
                  require(kept == 0 ? counts.hits == 0 : counts.invalidated >= 29);
                  barrier(comm);
              }) == "");
    }
}

TEST_CASE("memory that stays is registered once", "[verbs/memory]") {
    CHECK(thrown_by_transports(2, verbs_options::from_environment(), [](communicator& comm, verbs_transport& transport) {
              if (!detail::memory_monitor::shared()->available()) return;
              auto out = map(), in = map();
              for (int round = 0; round < 20; ++round) exchange_and_check(comm, out, in, round);
              require(transport.registrations().misses == 2);
              require(transport.registrations().hits == 38);
              barrier(comm);
          }) == "");
}
