/// Copies past the caches.

#include "support/seed.hpp"

#include <chorus/kernel/copy.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

using namespace chorus::testing;

TEST_CASE("a copy past the caches is a copy, and touches nothing else", "[kernel/copy]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::vector<std::byte> from(2000), to(2000);
    for (int round = 0; round < 3000; ++round) {
        std::size_t const bytes = random() % (round % 2 == 0 ? 150 : 1500), source = random() % 200, target = random() % 200;
        CAPTURE(bytes, source, target);
        for (auto& each : from) each = static_cast<std::byte>(random());
        std::fill(to.begin(), to.end(), std::byte{0xAB});
        chorus::detail::copy_past_caches(to.data() + target, from.data() + source, bytes);
        auto const begin = to.begin() + static_cast<std::ptrdiff_t>(target), end = begin + static_cast<std::ptrdiff_t>(bytes);
        REQUIRE(std::equal(begin, end, from.begin() + static_cast<std::ptrdiff_t>(source)));
        REQUIRE(std::all_of(to.begin(), begin, [](auto each) { return each == std::byte{0xAB}; }));
        REQUIRE(std::all_of(end, to.end(), [](auto each) { return each == std::byte{0xAB}; }));
    }
}
