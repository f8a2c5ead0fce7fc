#pragma once
/// Powers and their logarithms, for patterns that double, halve or count in digits.

#include <cstdint>

namespace chorus {

/// Smallest k with radix^k >= value. Preconditions: value >= 1, radix >= 2.
constexpr int ceil_log(int value, int radix) {
    int exponent = 0;
    for (std::int64_t power = 1; power < value; power *= radix) ++exponent;
    return exponent;
}

/// Smallest k with 2^k >= value: how many rounds it takes to reach `value` ranks if those reached double.
constexpr int ceil_log2(int value) { return ceil_log(value, 2); }

/// Largest k with 2^k <= value. Precondition: value >= 1.
constexpr int floor_log2(int value) {
    int exponent = 0;
    while (value >> (exponent + 1) != 0) ++exponent;
    return exponent;
}

/// Precondition: value >= 1.
constexpr bool is_power_of_two(int value) { return (value & (value - 1)) == 0; }

} // namespace chorus
