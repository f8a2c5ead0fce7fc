/// The conformance suite on threads, plain and under every decorator.

#include "support/conformance.hpp"
#include "support/decorated.hpp"
#include "support/sanitized.hpp"
#include "support/seed.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr bool few = CHORUS_SANITIZED != 0; // cases, since each takes long

/// What is wrong on p threads, or nothing.
std::string wrong_on(int p, dress what, conformance_plan const& plan) {
    options how;
    how.timeout = std::chrono::seconds(20);
    return thrown_by([&] {
        run_dressed(p, how, what, plan.seed, [&](communicator& comm) {
            if (auto const wrong = conformance(comm, plan); !wrong.empty()) throw std::runtime_error(wrong);
        });
    });
}

} // namespace

TEST_CASE("every collective by every algorithm on threads", "[transport/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : few ? std::vector{1, 2, 3, 5} : std::vector{1, 2, 3, 4, 5, 7, 8})
        CHECK(wrong_on(p, dress::plain, {.seed = seed, .rounds = few ? 1 : 3, .large = p < 4}) == "");
}

TEST_CASE("every collective by every algorithm under every decorator", "[transport/conformance]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (auto const what : all_dresses)
        for (int const p : few ? std::vector{3} : std::vector{2, 3, 5}) {
            CAPTURE(name(what), p);
            CHECK(wrong_on(p, what, {.seed = seed + static_cast<std::uint64_t>(p), .large = p == 2}) == "");
        }
}

TEST_CASE("the full product on threads", "[transport/conformance][long]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int p = 1; p <= 16; ++p) {
        CAPTURE(p);
        auto const thorough = p <= (few ? 2 : 4);
        auto const rounds = p >= 9 || few ? 1 : 6;
        CHECK(wrong_on(p, dress::plain, {.seed = seed, .rounds = rounds, .thorough = thorough, .large = p == 7}) == "");
    }
}

TEST_CASE("the full product under every decorator", "[transport/conformance][long]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (auto const what : all_dresses)
        for (int const p : few ? std::vector{4, 7} : std::vector{2, 3, 4, 5, 6, 7, 8, 11, 16}) {
            CAPTURE(name(what), p);
            CHECK(wrong_on(p, what,
                           {.seed = seed + static_cast<std::uint64_t>(p), .rounds = p < 9 ? 2 : 1, .large = p == 4}) ==
                  "");
        }
}
