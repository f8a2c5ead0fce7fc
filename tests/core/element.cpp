/// Elements: which types are elements, what they are called, and their hashes.

#include <chorus/core/element.hpp>

#include <catch2/catch.hpp>

#include <complex>
#include <string>
#include <utility>

namespace {

struct point {
    float x, y;
};
struct other_point {
    float x, y;
};
enum class colour : int { red };

template <class T>
struct dual { // no complex number: other member names
    using value_type = T;
    T value, slope;
};

} // namespace

using chorus::element_id;

TEST_CASE("elements are trivially copyable objects that are no pointers", "[core][element]") {
    STATIC_REQUIRE(chorus::element<float>);
    STATIC_REQUIRE(chorus::element<bool>);
    STATIC_REQUIRE(chorus::element<point>);
    STATIC_REQUIRE(chorus::element<colour>);
    STATIC_REQUIRE(chorus::element<chorus::float16>);
    STATIC_REQUIRE(chorus::element<std::complex<double>>);
    STATIC_REQUIRE_FALSE(chorus::element<std::string>);
    STATIC_REQUIRE_FALSE(chorus::element<std::pair<int, int>>);
    STATIC_REQUIRE_FALSE(chorus::element<int*>);
    STATIC_REQUIRE_FALSE(chorus::element<int point::*>);
    STATIC_REQUIRE_FALSE(chorus::element<int&>);
    STATIC_REQUIRE_FALSE(chorus::element<int const>);
    STATIC_REQUIRE_FALSE(chorus::element<int[3]>);
    STATIC_REQUIRE_FALSE(chorus::element<void>);
    STATIC_REQUIRE_FALSE(chorus::element<int()>);
    STATIC_REQUIRE(chorus::require_element<point>());
}

TEST_CASE("element types are known by size and signedness", "[core][element]") {
    STATIC_REQUIRE(chorus::element_id_of<bool> == element_id::boolean);
    STATIC_REQUIRE(chorus::element_id_of<signed char> == element_id::int8);
    STATIC_REQUIRE(chorus::element_id_of<unsigned char> == element_id::uint8);
    STATIC_REQUIRE(chorus::element_id_of<char8_t> == element_id::uint8);
    STATIC_REQUIRE(chorus::element_id_of<short> == element_id::int16);
    STATIC_REQUIRE(chorus::element_id_of<char32_t> == element_id::uint32);
    STATIC_REQUIRE(chorus::element_id_of<long long> == element_id::int64);
    STATIC_REQUIRE(chorus::element_id_of<unsigned long long> == element_id::uint64);
    STATIC_REQUIRE(chorus::element_id_of<chorus::bfloat16> == element_id::bfloat16);
    STATIC_REQUIRE(chorus::element_id_of<long double> == element_id::float_ext);
    STATIC_REQUIRE(chorus::element_id_of<std::complex<float>> == element_id::complex64);
    STATIC_REQUIRE(chorus::element_id_of<std::complex<double>> == element_id::complex128);
    STATIC_REQUIRE(chorus::element_id_of<std::complex<long double>> == element_id::complex_ext);
    STATIC_REQUIRE(chorus::element_id_of<std::byte> == element_id::byte);
    STATIC_REQUIRE(chorus::element_id_of<colour> == element_id::other);
    STATIC_REQUIRE(chorus::element_id_of<point> == element_id::other);
    STATIC_REQUIRE(chorus::element_id_of<dual<float>> == element_id::other);
}

TEST_CASE("element types have names and sizes", "[core][element]") {
    CHECK(name(element_id::other) == "other");
    CHECK(name(element_id::float32) == "float32");
    CHECK(name(element_id::byte) == "byte");
    CHECK(size(element_id::other) == 0);
    CHECK(size(chorus::element_id_of<bool>) == sizeof(bool));
    CHECK(size(chorus::element_id_of<std::uint16_t>) == 2);
    CHECK(size(chorus::element_id_of<chorus::float16>) == 2);
    CHECK(size(chorus::element_id_of<double>) == 8);
    CHECK(size(chorus::element_id_of<long double>) == sizeof(long double));
    CHECK(size(chorus::element_id_of<std::complex<double>>) == 16);
    CHECK(size(chorus::element_id_of<std::complex<long double>>) == sizeof(std::complex<long double>));
    CHECK(size(element_id::byte) == 1);
}

TEST_CASE("16-bit floats are summed in float, all else in its own type", "[core][element]") {
    STATIC_REQUIRE(std::is_same_v<chorus::accumulator_t<chorus::float16>, float>);
    STATIC_REQUIRE(std::is_same_v<chorus::accumulator_t<chorus::bfloat16>, float>);
    STATIC_REQUIRE(std::is_same_v<chorus::accumulator_t<double>, double>);
    STATIC_REQUIRE(std::is_same_v<chorus::accumulator_t<point>, point>);
}

TEST_CASE("type hashes agree for equal elements and differ for others", "[core][element]") {
    STATIC_REQUIRE(chorus::type_hash<long>() == chorus::type_hash<long long>());
    STATIC_REQUIRE(chorus::type_hash<float>() != chorus::type_hash<int>());
    STATIC_REQUIRE(chorus::type_hash<chorus::float16>() != chorus::type_hash<chorus::bfloat16>());
    CHECK(chorus::type_hash<point>() != chorus::type_hash<other_point>());
    CHECK(chorus::type_hash<point>() != chorus::type_hash<double>());
}
