/// The 16-bit floats over all their values: conversions, rounding, and the folds' vector code against the scalar code.

#include <chorus/kernel/kernel.hpp>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace {

constexpr int all_values = 65536;

/// The value of a 16-bit float by its definition.
double defined(unsigned bits, int mantissa_bits, int exponent_bits) {
    auto const mantissa = bits & ((1u << mantissa_bits) - 1u);
    auto const exponent = static_cast<int>((bits >> mantissa_bits) & ((1u << exponent_bits) - 1u));
    auto const bias = (1 << (exponent_bits - 1)) - 1;
    auto const sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1)
        return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                             : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp(mantissa + (1u << mantissa_bits), exponent - bias - mantissa_bits);
}

bool same(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

template <class T>
void check_values(int mantissa_bits, int exponent_bits) {
    int wrong = 0;
    for (unsigned bits = 0; bits < all_values; ++bits) {
        auto const value = T::from_bits(static_cast<std::uint16_t>(bits));
        auto const real = static_cast<float>(value);
        auto const wanted = defined(bits, mantissa_bits, exponent_bits);
        auto const back = T(real).bits();
        if (std::isnan(wanted)) {
            auto const quiet = bits | (1u << (mantissa_bits - 1)); // a NaN keeps sign and payload, and turns quiet
            wrong += std::isnan(real) && back == quiet ? 0 : 1;
        } else
            wrong += same(real, wanted) && back == bits ? 0 : 1;
    }
    CHECK(wrong == 0);
}

/// Half-way points between neighbours go to the even one; the next float below and above to the nearer one.
template <class T>
void check_rounding(unsigned largest) {
    int wrong = 0;
    for (unsigned bits = 0; bits < largest; ++bits) {
        float const low = T::from_bits(static_cast<std::uint16_t>(bits));
        float const high = T::from_bits(static_cast<std::uint16_t>(bits + 1));
        auto const middle = low + (high - low) / 2;
        auto const even = bits % 2 == 0 ? bits : bits + 1;
        wrong += T(middle).bits() == even ? 0 : 1;
        wrong += T(-middle).bits() == (even | 0x8000u) ? 0 : 1;
        wrong += T(std::nextafter(middle, low)).bits() == bits ? 0 : 1;
        wrong += T(std::nextafter(middle, high)).bits() == bits + 1 ? 0 : 1;
    }
    CHECK(wrong == 0);
}

/// Every value beside many others through the fold, against float arithmetic rounded once.
template <class T, class Op>
void check_all_folds(unsigned other) {
    std::vector<T> left, right, out(all_values);
    for (unsigned bits = 0; bits < all_values; ++bits) {
        left.push_back(T::from_bits(static_cast<std::uint16_t>(bits)));
        right.push_back(T::from_bits(static_cast<std::uint16_t>(bits * 40503u + other)));
    }
    auto const kernel = chorus::make_kernel<T>(Op{});
    kernel.fold(out.data(), left.data(), right.data(), out.size());
    int wrong = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto const wanted = T(static_cast<float>(Op{}(static_cast<float>(left[i]), static_cast<float>(right[i]))));
        auto const nans = std::isnan(static_cast<float>(wanted)) && std::isnan(static_cast<float>(out[i]));
        wrong += nans || wanted.bits() == out[i].bits() ? 0 : 1;
    }
    INFO(name(kernel.element) << " " << name(kernel.operation) << ", other operand from " << other);
    CHECK(wrong == 0);
}

template <class T>
void check_folds() {
    for (unsigned const other : {0u, 1u, 0x3c00u, 0x7bffu, 0x8001u}) {
        check_all_folds<T, std::plus<>>(other);
        check_all_folds<T, std::multiplies<>>(other);
        check_all_folds<T, chorus::minimum>(other);
        check_all_folds<T, chorus::maximum>(other);
        check_all_folds<T, std::logical_and<>>(other);
    }
}

} // namespace

TEST_CASE("every float16 and bfloat16 has its value as float and comes back", "[kernel][float16]") {
    check_values<chorus::float16>(10, 5);
    check_values<chorus::bfloat16>(7, 8);
}

TEST_CASE("float rounds to the nearest 16-bit float, ties to even", "[kernel][float16]") {
    check_rounding<chorus::float16>(0x7bffu);
    check_rounding<chorus::bfloat16>(0x7f7fu);
}

TEST_CASE("16-bit floats overflow to infinity where nearest says so", "[kernel][float16]") {
    CHECK(chorus::float16(65519.996f).bits() == 0x7bff);
    CHECK(chorus::float16(65520.0f).bits() == 0x7c00);
    CHECK(chorus::float16(-1e30f).bits() == 0xfc00);
    CHECK(chorus::bfloat16(std::numeric_limits<float>::max()).bits() == 0x7f80);
    CHECK(chorus::float16(std::bit_cast<float>(0x7f800001u)).bits() == 0x7e00); // signalling, payload cut off
    CHECK(chorus::bfloat16(std::bit_cast<float>(0xff800001u)).bits() == 0xffc0);
}

TEST_CASE("16-bit floats are usable in constant expressions", "[kernel][float16]") {
    STATIC_REQUIRE(chorus::float16(1.5f).bits() == 0x3e00);
    STATIC_REQUIRE(chorus::bfloat16(1.5f) == 1.5f);
    STATIC_REQUIRE(chorus::float16(1.0f) < chorus::float16(2.0f));
    STATIC_REQUIRE(chorus::float16::from_bits(0x7e00) != chorus::float16::from_bits(0x7e00));
    STATIC_REQUIRE(chorus::float16(std::numeric_limits<float>::quiet_NaN()).bits() == 0x7e00);
    STATIC_REQUIRE(std::is_trivially_copyable_v<chorus::float16>);
    STATIC_REQUIRE(std::is_trivially_default_constructible_v<chorus::bfloat16>);
}

TEST_CASE("folds of 16-bit floats compute in float and round once", "[kernel][float16][fold]") {
    check_folds<chorus::float16>();
    check_folds<chorus::bfloat16>();
}

TEST_CASE("a fold of many 16-bit floats rounds once, or at every source where it is told to", "[kernel][float16][fold]") {
    auto const kernel = chorus::make_kernel<chorus::bfloat16>(std::plus<>{});
    chorus::bfloat16 const big[1] = {chorus::bfloat16(256.0f)}, small[1] = {chorus::bfloat16(1.0f)};
    chorus::bfloat16 once[1], twice[1], each[1];
    void const* const sources[3] = {big, small, small};
    void *const outs[2] = {once, each};
    kernel.fold({sources, 3, outs, 1, 1});
    kernel.fold({sources, 3, outs + 1, 1, 1, true});
    kernel.fold(twice, big, small, 1);
    kernel.fold(twice, twice, small, 1);
    CHECK(once[0] == 258.0f);
    CHECK(twice[0] == 256.0f);
    CHECK(each[0] == 256.0f);
}
