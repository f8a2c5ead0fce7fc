/// How folds and copies write: through the caches or past them.

#include <chorus/kernel/streaming.hpp>

#include <catch2/catch.hpp>

#include <cstddef>

namespace {

constexpr std::size_t bytes = 100'000;

/// How many of so many calls go past the caches, on a machine where they take that long.
int streamed(chorus::detail::streaming_choice& choice, int calls, double cached, double past) {
    int count = 0;
    for (int i = 0; i < calls; ++i) {
        auto const how = choice.next(bytes);
        count += how ? 1 : 0;
        choice.note(bytes, how, how ? past : cached);
    }
    return count;
}

} // namespace

TEST_CASE("how is written follows what was measured", "[kernel/streaming]") {
    chorus::detail::streaming_choice choice;
    CHECK(streamed(choice, 100, 10e-6, 20e-6) < 10);
    streamed(choice, 50, 200e-6, 20e-6); // the machine has changed
    CHECK(streamed(choice, 100, 200e-6, 20e-6) > 90);
    streamed(choice, 300, 10e-6, 20e-6); // and back
    CHECK(streamed(choice, 100, 10e-6, 20e-6) < 10);
}

TEST_CASE("an interruption changes nothing", "[kernel/streaming]") {
    chorus::detail::streaming_choice choice;
    streamed(choice, 100, 10e-6, 20e-6);
    streamed(choice, 1, 500e-6, 500e-6);
    CHECK(streamed(choice, 100, 10e-6, 20e-6) < 10);
}

TEST_CASE("past the caches has to be worth its price", "[kernel/streaming]") {
    chorus::detail::streaming_choice choice(2);
    CHECK(streamed(choice, 100, 19e-6, 10e-6) < 10);
    streamed(choice, 50, 40e-6, 10e-6);
    CHECK(streamed(choice, 100, 40e-6, 10e-6) > 90);
}

TEST_CASE("what is short is written through the caches, and not measured", "[kernel/streaming]") {
    chorus::detail::streaming_choice choice;
    for (int i = 0; i < 100; ++i) CHECK_FALSE(choice.next(chorus::detail::streaming_choice::least_bytes - 1));
}

TEST_CASE("long copies: what is below 2 MiB stays in the caches, whatever was measured", "[kernel/streaming]") {
    auto choice = chorus::detail::streaming_choice::of_long_copies();
    constexpr std::size_t long_copy = std::size_t{2} << 20;
    int streamed = 0;
    for (int i = 0; i < 100; ++i) {
        CHECK_FALSE(choice.next(long_copy - 1));
        choice.note(long_copy - 1, true, 1e-9);
        auto const how = choice.next(long_copy);
        choice.note(long_copy, how, how ? 50e-6 : 100e-6);
        streamed += how ? 1 : 0;
    }
    CHECK(streamed > 90);
}
