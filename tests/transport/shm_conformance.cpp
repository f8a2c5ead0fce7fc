/// The conformance suite over shared memory.

#include "support/conformance.hpp"
#include "support/sanitized.hpp"
#include "support/seed.hpp"
#include "support/shm_ranks.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr bool few = CHORUS_SANITIZED != 0; // cases, since each takes long

std::string wrong_on_processes(int p, conformance_plan const& plan, shm_options const& memory = {}) {
    return thrown_by_processes(
        p, patient(),
        [&](communicator& comm) {
            if (auto const wrong = conformance(comm, plan); !wrong.empty()) throw std::runtime_error(wrong);
        },
        memory);
}

} // namespace

TEST_CASE("every collective by every algorithm over shared memory", "[transport/shm/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : few ? std::vector{2, 3} : std::vector{1, 2, 3, 5, 8}) {
        CAPTURE(p);
        CHECK(wrong_on_processes(p, {.seed = seed, .large = p < 4}) == "");
    }
}

TEST_CASE("a ring that is always full changes nothing", "[transport/shm/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : few ? std::vector{3} : std::vector{2, 3, 5}) {
        CAPTURE(p);
        CHECK(wrong_on_processes(p, {.seed = seed, .large = p == 2}, {.ring_bytes = 4096}) == "");
    }
}

TEST_CASE("every collective by every algorithm over shared memory between threads", "[transport/shm/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : few ? std::vector{2} : std::vector{2, 3, 4}) {
        CAPTURE(p);
        auto const wrong = run_shm_threads(p, patient(), [&](communicator& comm) {
            if (auto const text = conformance(comm, {.seed = seed}); !text.empty()) throw std::runtime_error(text);
        });
        for (auto const& each : wrong) CHECK(each == "");
    }
}

TEST_CASE("the full product over shared memory", "[transport/shm/conformance][long]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int p = 1; p <= (few ? 5 : 16); ++p) {
        CAPTURE(p);
        CHECK(wrong_on_processes(p, {.seed = seed, .rounds = p < 9 ? 3 : 1, .thorough = p <= 3 && !few, .large = p == 7}) == "");
        CHECK(wrong_on_processes(p, {.seed = seed, .rounds = 1}, {.ring_bytes = 4096}) == "");
    }
}
