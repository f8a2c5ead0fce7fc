#pragma once
/// The seed of random tests: CHORUS_TEST_SEED where that is set, new in every run otherwise. Tests print it by INFO.

#include <cstdint>
#include <cstdlib>
#include <random>

namespace chorus::testing {

inline std::uint64_t test_seed() {
    if (auto const* const given = std::getenv("CHORUS_TEST_SEED")) return std::strtoull(given, nullptr, 10);
    return std::random_device{}();
}

} // namespace chorus::testing
