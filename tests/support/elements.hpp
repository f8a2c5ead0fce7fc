#pragma once
/// Element types and operators whose results are exact, whatever the order of folding.

#include <chorus/core/element.hpp>
#include <chorus/core/operators.hpp>

#include <complex>
#include <cstdint>
#include <type_traits>

namespace chorus::testing {

/// Maps x to a x + b, modulo 2^32. Composition is associative and does not commute.
struct affine {
    std::uint32_t a;
    std::uint32_t b;
    friend bool operator==(affine const&, affine const&) = default;
};
/// First left, then right.
struct compose {
    constexpr affine operator()(affine const& left, affine const& right) const {
        return {left.a * right.a, right.a * left.b + right.b};
    }
};

/// Twelve bytes, so that nothing is a power of two.
struct triple {
    std::int32_t x, y, z;
    friend bool operator==(triple const&, triple const&) = default;
};
struct add_triples {
    constexpr triple operator()(triple const& a, triple const& b) const { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
};

template <class T>
inline constexpr bool is_complex_number = false;
template <class T>
inline constexpr bool is_complex_number<std::complex<T>> = true;

/// The element that stands for a small number; the fold of a few hundred in all is exact for every type.
template <class T>
T element_of_number(std::uint32_t number) {
    if constexpr (std::is_same_v<T, affine>)
        return {number * 2654435761u | 1u, number * 40503u + 7u};
    else if constexpr (std::is_same_v<T, triple>)
        return {static_cast<std::int32_t>(number), -static_cast<std::int32_t>(number), 3};
    else if constexpr (is_complex_number<T>)
        return {static_cast<typename T::value_type>(number), static_cast<typename T::value_type>(number / 2)};
    else if constexpr (std::is_arithmetic_v<T>)
        return static_cast<T>(number);
    else
        return T(static_cast<float>(number));
}

} // namespace chorus::testing
