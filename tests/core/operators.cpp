/// Operators: which are recognised on which elements, and what is assumed of them.

#include <chorus/core/operators.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <complex>
#include <limits>

namespace {

struct point {
    int x, y;
    friend point operator+(point a, point b) { return {a.x + b.x, a.y + b.y}; }
    friend bool operator<(point a, point b) { return a.x < b.x; }
};

using chorus::facts_of;
using chorus::operator_id;

} // namespace

TEST_CASE("standard operators are recognised", "[core][operators]") {
    STATIC_REQUIRE(chorus::operator_id_of<std::plus<>, float> == operator_id::plus);
    STATIC_REQUIRE(chorus::operator_id_of<std::plus<float>, float> == operator_id::plus);
    STATIC_REQUIRE(chorus::operator_id_of<std::plus<double>, float> == operator_id::custom);
    STATIC_REQUIRE(chorus::operator_id_of<std::multiplies<>, int> == operator_id::multiplies);
    STATIC_REQUIRE(chorus::operator_id_of<std::bit_xor<>, int> == operator_id::bit_xor);
    STATIC_REQUIRE(chorus::operator_id_of<std::logical_or<int>, int> == operator_id::logical_or);
    STATIC_REQUIRE(chorus::operator_id_of<chorus::logical_xor, int> == operator_id::logical_xor);
    STATIC_REQUIRE(chorus::operator_id_of<chorus::minimum, int> == operator_id::min);
    STATIC_REQUIRE(chorus::operator_id_of<chorus::maximum, int> == operator_id::max);
    STATIC_REQUIRE(chorus::operator_id_of<chorus::average, int> == operator_id::average);
    STATIC_REQUIRE(chorus::operator_id_of<std::minus<>, int> == operator_id::custom);
    CHECK(name(operator_id::custom) == "custom");
    CHECK(name(operator_id::logical_xor) == "logical_xor");
    CHECK(name(operator_id::average) == "average");
}

TEST_CASE("standard operators on numbers commute; integers and min and max are exact", "[core][operators]") {
    STATIC_REQUIRE(facts_of<std::plus<>, int>() == chorus::operator_facts{operator_id::plus, true, true, false});
    STATIC_REQUIRE(facts_of<std::plus<>, float>() == chorus::operator_facts{operator_id::plus, true, false, false});
    STATIC_REQUIRE(facts_of<std::multiplies<>, std::complex<float>>().commutative);
    STATIC_REQUIRE_FALSE(facts_of<std::multiplies<>, std::complex<float>>().exact);
    STATIC_REQUIRE_FALSE(facts_of<std::plus<>, chorus::bfloat16>().exact);
    STATIC_REQUIRE(facts_of<chorus::minimum, double>().exact);
    STATIC_REQUIRE(facts_of<std::logical_and<>, double>().exact);
    STATIC_REQUIRE(facts_of<std::bit_or<>, std::byte>().exact);
    STATIC_REQUIRE(facts_of<chorus::average, float>().finishes);
    STATIC_REQUIRE(facts_of<chorus::average, int>().exact);
}

TEST_CASE("other callables are associative and nothing more, unless declared", "[core][operators]") {
    auto const first = [](int a, int) { return a; };
    using first_type = std::remove_const_t<decltype(first)>;
    using declared = decltype(chorus::commutative(first));
    STATIC_REQUIRE(facts_of<first_type, int>() == chorus::operator_facts{});
    STATIC_REQUIRE(facts_of<declared, int>() == chorus::operator_facts{operator_id::custom, true, false, false});
    STATIC_REQUIRE_FALSE(facts_of<std::plus<>, point>().commutative);
    STATIC_REQUIRE(facts_of<decltype(chorus::commutative(std::plus<>{})), point>().commutative);
    STATIC_REQUIRE(facts_of<decltype(chorus::commutative(std::plus<>{})), int>() == facts_of<std::plus<>, int>());
    CHECK(chorus::commutative(first)(1, 2) == 1);
    CHECK(chorus::commutative(std::plus<>{})(point{1, 2}, point{3, 4}).y == 6);
}

TEST_CASE("minimum and maximum follow IEEE 754-2019", "[core][operators]") {
    constexpr chorus::minimum smaller;
    constexpr chorus::maximum larger;
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    STATIC_REQUIRE(smaller(1, 2) == 1);
    STATIC_REQUIRE(larger(1.0f, 2.0f) == 2.0f);
    CHECK(std::signbit(smaller(0.0, -0.0)));
    CHECK(std::signbit(smaller(-0.0, 0.0)));
    CHECK_FALSE(std::signbit(larger(0.0, -0.0)));
    CHECK_FALSE(std::signbit(larger(-0.0, 0.0)));
    CHECK(std::isnan(smaller(1.0, nan)));
    CHECK(std::isnan(larger(nan, 1.0)));
    CHECK_FALSE(std::signbit(smaller(-nan, 1.0)));
    CHECK(smaller(chorus::float16(1.0f), chorus::float16(-1.0f)) == -1.0f);
    CHECK(smaller(point{1, 2}, point{1, 3}).y == 2); // the left one of equals
    CHECK(larger(point{1, 2}, point{1, 3}).y == 2);
}

TEST_CASE("logical_xor is parity", "[core][operators]") {
    STATIC_REQUIRE(chorus::logical_xor{}(2, 0));
    STATIC_REQUIRE_FALSE(chorus::logical_xor{}(2, 3));
}

TEST_CASE("operator hashes agree for equal operators and differ for others", "[core][operators]") {
    auto const last = [](int, int b) { return b; };
    STATIC_REQUIRE(chorus::operator_hash<std::plus<>>() == chorus::operator_hash<std::plus<int>>());
    STATIC_REQUIRE(chorus::operator_hash<std::plus<>>() != chorus::operator_hash<std::multiplies<>>());
    CHECK(chorus::operator_hash<std::minus<>>() != chorus::operator_hash<std::divides<>>());
    CHECK(chorus::operator_hash<std::remove_const_t<decltype(last)>>() != chorus::operator_hash<std::plus<>>());
}
