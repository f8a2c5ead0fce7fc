#pragma once
/// Elements: what a buffer may consist of, and what all ranks must agree on about its type.

#include <chorus/core/float16.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <typeinfo>

namespace chorus {

/// A value that is its bytes, and whose bytes mean the same on another rank: any trivially copyable object type
/// except pointers and arrays. Padding and endianness are the caller's business: ranks run the same binary layout.
template <class T>
concept element =
    std::is_object_v<T> && std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_member_pointer_v<T> &&
    !std::is_null_pointer_v<T> && !std::is_array_v<T> && std::same_as<T, std::remove_cv_t<T>>;

/// Says in one line why T is no element. Every public template calls this before anything else, as
/// `if constexpr (require_element<T>())`, so that the line is all that the compiler prints.
template <class T>
consteval bool require_element() {
    static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T> && !std::is_null_pointer_v<T>,
                  "chorus: an element must not be a pointer: an address means nothing on another rank");
    static_assert(std::is_object_v<T>, "chorus: an element must be an object type: no reference, function or void");
    static_assert(!std::is_array_v<T>, "chorus: an element must not be an array: pass a span of the array's elements");
    static_assert(std::same_as<T, std::remove_cv_t<T>>, "chorus: an element type is named without const and volatile");
    static_assert(!std::is_object_v<T> || std::is_trivially_copyable_v<T>,
                  "chorus: an element must be trivially copyable: it travels as its bytes. std::string, std::vector, "
                  "std::pair and std::tuple are not; a plain struct of numbers is");
    return element<T>;
}

/// Element types that Chorus knows. `char`, `long`, `wchar_t` and their like go by size and signedness.
enum class element_id : std::uint8_t {
    other, ///< any other trivially copyable type
    boolean,
    int8,
    uint8,
    int16,
    uint16,
    int32,
    uint32,
    int64,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    float_ext,   ///< long double
    complex64,   ///< std::complex<float>
    complex128,  ///< std::complex<double>
    complex_ext, ///< std::complex<long double>
    byte,        ///< std::byte
};

inline constexpr std::array<std::string_view, 19> element_names{
    "other",     "boolean",   "int8",       "uint8",       "int16",    "uint16",  "int32",
    "uint32",    "int64",     "uint64",     "float16",     "bfloat16", "float32", "float64",
    "float_ext", "complex64", "complex128", "complex_ext", "byte"};

constexpr std::string_view name(element_id what) { return element_names[static_cast<std::size_t>(what)]; }

/// Bytes of one element; 0 for `other`.
constexpr std::size_t size(element_id what) {
    constexpr std::array<std::uint8_t, 19> sizes{
        0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, sizeof(long double), 8, 16, 2 * sizeof(long double), 1};
    return sizes[static_cast<std::size_t>(what)];
}

constexpr bool is_signed_integer(element_id what) {
    return what == element_id::int8 || what == element_id::int16 || what == element_id::int32 ||
           what == element_id::int64;
}
constexpr bool is_integer(element_id what) { return what >= element_id::int8 && what <= element_id::uint64; }
constexpr bool is_real(element_id what) { return what >= element_id::float16 && what <= element_id::float_ext; }
constexpr bool is_complex(element_id what) { return what >= element_id::complex64 && what <= element_id::complex_ext; }

namespace detail {

/// The part type of std::complex<Part> and its look-alikes (thrust::complex), void for other types. Told by shape, so
/// that programs without complex numbers need not pay for <complex>.
template <class T>
struct complex_part {
    using type = void;
};
template <template <class> class Complex, std::floating_point Part>
    requires(sizeof(Complex<Part>) == 2 * sizeof(Part))
&&requires(Complex<Part> const& value) {
    requires std::same_as<typename Complex<Part>::value_type, Part>;
    { value.real() } -> std::convertible_to<Part>;
    { value.imag() } -> std::convertible_to<Part>;
}
struct complex_part<Complex<Part>> {
    using type = Part;
};

template <class T>
consteval element_id classify() {
    using enum element_id;
    using part = typename complex_part<T>::type;
    if constexpr (std::is_same_v<T, bool>)
        return boolean;
    else if constexpr (std::is_integral_v<T> && sizeof(T) <= 8) {
        constexpr auto base = sizeof(T) == 1 ? int8 : sizeof(T) == 2 ? int16 : sizeof(T) == 4 ? int32 : int64;
        return static_cast<element_id>(static_cast<int>(base) + (std::is_signed_v<T> ? 0 : 1));
    } else if constexpr (std::is_same_v<T, chorus::float16>)
        return float16;
    else if constexpr (std::is_same_v<T, chorus::bfloat16>)
        return bfloat16;
    else if constexpr (std::is_same_v<T, float>)
        return float32;
    else if constexpr (std::is_same_v<T, double>)
        return float64;
    else if constexpr (std::is_same_v<T, long double>)
        return float_ext;
    else if constexpr (std::is_same_v<T, std::byte>)
        return byte;
    else if constexpr (std::is_same_v<part, float>)
        return complex64;
    else if constexpr (std::is_same_v<part, double>)
        return complex128;
    else if constexpr (std::is_same_v<part, long double>)
        return complex_ext;
    else
        return other;
}

/// FNV-1a, 32 bits: small, constexpr, good enough to tell mistakes apart.
constexpr std::uint32_t hash_text(std::string_view text, std::uint32_t seed = 2166136261u) {
    for (auto const letter : text) seed = (seed ^ static_cast<unsigned char>(letter)) * 16777619u;
    return seed;
}
constexpr std::uint32_t hash_word(std::uint32_t word, std::uint32_t seed = 2166136261u) {
    for (int byte = 0; byte < 4; ++byte) seed = (seed ^ ((word >> (8 * byte)) & 0xffu)) * 16777619u;
    return seed;
}

template <class T>
std::uint32_t hash_name() {
    auto const written = hash_text(__PRETTY_FUNCTION__);
#ifdef __cpp_rtti // as written, two lambdas of a function have one name
    return hash_text(typeid(T).name(), written);
#else
    return written;
#endif
}
/// A number for a type: the same in every process that the same compiler compiled from the same source. Computed before main.
template <class T>
inline std::uint32_t const name_hash = hash_name<T>();

template <class T>
inline constexpr bool is_small_float = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

} // namespace detail

template <class T>
inline constexpr element_id element_id_of = detail::classify<T>();

/// What a sum over T is kept in before it is rounded to T: float for the 16-bit floats, T itself otherwise.
template <class T>
using accumulator_t = std::conditional_t<detail::is_small_float<T>, float, T>;

/// A number for the element type that all ranks of a call must share. Types of one element_id hash alike (`long` and
/// `long long`); user types by name and size, which is stable between processes of one compiler only.
template <class T>
constexpr std::uint32_t type_hash() {
    auto const known = detail::hash_word(static_cast<std::uint32_t>(element_id_of<T>));
    auto const sized = detail::hash_word(static_cast<std::uint32_t>(sizeof(T)), known);
    if constexpr (element_id_of<T> == element_id::other)
        return detail::hash_word(detail::name_hash<T>, sized);
    else
        return sized;
}

} // namespace chorus
