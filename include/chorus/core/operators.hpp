#pragma once
/// Operators: the function objects that collectives fold with, and what may be assumed of them.
///
/// Any callable `T op(T, T)` will do. It is taken to be associative, and *not* commutative unless it is a standard
/// operator on numbers (std::plus, std::multiplies, the bit and logical operators, those below) or wrapped in
/// `commutative(f)`. Standard operators on user types are not: `std::multiplies<>` on matrices keeps its order.

#include <chorus/core/element.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>

namespace chorus {

enum class operator_id : std::uint8_t {
    custom,
    plus,
    multiplies,
    min,
    max,
    bit_and,
    bit_or,
    bit_xor,
    logical_and,
    logical_or,
    logical_xor,
    average,
};

inline constexpr std::array<std::string_view, 12> operator_names{"custom",      "plus",       "multiplies",  "min",
                                                                 "max",         "bit_and",    "bit_or",      "bit_xor",
                                                                 "logical_and", "logical_or", "logical_xor", "average"};

constexpr std::string_view name(operator_id what) { return operator_names[static_cast<std::size_t>(what)]; }

namespace detail {

template <class T>
concept ordered_by_less = requires(T const& a, T const& b) {
    { a < b } -> std::convertible_to<bool>;
};

/// Sign bit of a floating-point number, zeros and NaNs included.
template <std::floating_point T>
constexpr bool is_negative(T value) {
    if constexpr (std::is_same_v<T, float>)
        return __builtin_copysignf(1.0f, value) < 0;
    else if constexpr (std::is_same_v<T, double>)
        return __builtin_copysign(1.0, value) < 0;
    else
        return __builtin_copysignl(1.0L, value) < 0;
}

template <std::floating_point T>
constexpr T smaller(T left, T right) {
    if (left != left || right != right) return static_cast<T>(__builtin_nanf(""));
    if (left == right) return is_negative(left) ? left : right;
    return left < right ? left : right;
}

template <std::floating_point T>
constexpr T larger(T left, T right) {
    if (left != left || right != right) return static_cast<T>(__builtin_nanf(""));
    if (left == right) return is_negative(left) ? right : left;
    return left < right ? right : left;
}

} // namespace detail

/// The smaller of two values. Floating point as IEEE 754-2019 `minimum`: -0 is smaller than +0, and one NaN makes the
/// result NaN (always the same one), so that the result does not depend on the order. Other types: by `<`, the left one
/// of equals.
struct minimum {
    template <detail::ordered_by_less T>
    constexpr T operator()(T const& left, T const& right) const {
        if constexpr (std::floating_point<T>)
            return detail::smaller(left, right);
        else if constexpr (detail::is_small_float<T>)
            return T(detail::smaller<float>(left, right));
        else
            return right < left ? right : left;
    }
};

/// The larger of two values. Floating point as IEEE 754-2019 `maximum`; see `minimum`.
struct maximum {
    template <detail::ordered_by_less T>
    constexpr T operator()(T const& left, T const& right) const {
        if constexpr (std::floating_point<T>)
            return detail::larger(left, right);
        else if constexpr (detail::is_small_float<T>)
            return T(detail::larger<float>(left, right));
        else
            return left < right ? right : left;
    }
};

/// Is exactly one of two values true? Associative: of many values, is an odd number true?
struct logical_xor {
    template <class T>
        requires std::is_constructible_v<bool, T const&>
    constexpr bool operator()(T const& left, T const& right) const {
        return static_cast<bool>(left) != static_cast<bool>(right);
    }
};

/// The mean over the ranks: a sum, and after all of it one division by the number of ranks. Integers: the sum wraps,
/// the division truncates. float16: the mean does not overflow where the sum would. Not for scans.
struct average {
    template <class T>
    constexpr auto operator()(T const& left, T const& right) const -> decltype(left + right) {
        return left + right;
    }
};

/// A callable that its caller declared to be commutative. Made by `commutative(f)`.
template <class F>
struct commutative_operator {
    [[no_unique_address]] F function;

    template <class T>
        requires std::is_invocable_v<F const&, T const&, T const&>
    constexpr auto operator()(T const& left, T const& right) const
        -> std::invoke_result_t<F const&, T const&, T const&> {
        return std::invoke(function, left, right);
    }
};

/// Declares that f(a, b) equals f(b, a): opens the algorithms that combine ranks out of order. Nobody checks it.
template <class F>
constexpr commutative_operator<std::decay_t<F>> commutative(F&& function) {
    return {static_cast<F&&>(function)};
}

/// What may be assumed of an operator on an element type.
struct operator_facts {
    operator_id id = operator_id::custom;
    bool commutative = false;
    bool exact = false;    ///< the same bits for any order and grouping (payloads of NaNs aside)
    bool finishes = false; ///< has a final step once every rank is in

    friend constexpr bool operator==(operator_facts const&, operator_facts const&) = default;
};

namespace detail {

/// Which operator a type is, whether it was declared commutative, and for std::plus<T> and its like which T it fixes.
template <class Op>
struct operator_traits {
    static constexpr auto id = operator_id::custom;
    static constexpr bool declared = false;
    using operand = void;
};
template <operator_id Id, class Operand>
struct known_operator {
    static constexpr auto id = Id;
    static constexpr bool declared = false;
    using operand = Operand;
};
template <class T>
struct operator_traits<std::plus<T>> : known_operator<operator_id::plus, T> {};
template <class T>
struct operator_traits<std::multiplies<T>> : known_operator<operator_id::multiplies, T> {};
template <class T>
struct operator_traits<std::bit_and<T>> : known_operator<operator_id::bit_and, T> {};
template <class T>
struct operator_traits<std::bit_or<T>> : known_operator<operator_id::bit_or, T> {};
template <class T>
struct operator_traits<std::bit_xor<T>> : known_operator<operator_id::bit_xor, T> {};
template <class T>
struct operator_traits<std::logical_and<T>> : known_operator<operator_id::logical_and, T> {};
template <class T>
struct operator_traits<std::logical_or<T>> : known_operator<operator_id::logical_or, T> {};
template <>
struct operator_traits<minimum> : known_operator<operator_id::min, void> {};
template <>
struct operator_traits<maximum> : known_operator<operator_id::max, void> {};
template <>
struct operator_traits<logical_xor> : known_operator<operator_id::logical_xor, void> {};
template <>
struct operator_traits<average> : known_operator<operator_id::average, void> {};
template <class F>
struct operator_traits<commutative_operator<F>> : operator_traits<F> {
    static constexpr bool declared = true;
};

constexpr bool is_bitwise(operator_id what) { return what >= operator_id::bit_and && what <= operator_id::bit_xor; }

/// std::plus<double> on floats is not std::plus on floats: it is somebody's callable.
template <class Op, class T>
consteval operator_id identify() {
    using operand = typename operator_traits<Op>::operand;
    return std::is_void_v<operand> || std::is_same_v<operand, T> ? operator_traits<Op>::id : operator_id::custom;
}

template <class Op, class T>
consteval bool folds() {
    if constexpr (!std::is_object_v<Op> || !std::is_invocable_v<Op const&, T const&, T const&>)
        return false;
    else {
        using result = std::invoke_result_t<Op const&, T const&, T const&>;
        return std::is_convertible_v<result, T> || (is_small_float<T> && std::is_constructible_v<T, result>);
    }
}

constexpr operator_facts facts(operator_id what, element_id on, bool declared) {
    if (what == operator_id::custom) return {what, declared, false, false};
    auto const finishes = what == operator_id::average;
    if (on == element_id::other) return {what, declared, false, finishes};
    auto const rounds = (is_real(on) || is_complex(on)) &&
                        (what == operator_id::plus || what == operator_id::multiplies || what == operator_id::average);
    return {what, true, !rounds, finishes};
}

} // namespace detail

/// Which operator Op is on elements of type T.
template <class Op, class T>
inline constexpr operator_id operator_id_of = detail::identify<Op, T>();

template <class Op, class T>
consteval operator_facts facts_of() {
    return detail::facts(operator_id_of<Op, T>, element_id_of<T>, detail::operator_traits<Op>::declared);
}

/// Says in one line why Op cannot fold elements of type T; see `require_element` for its use.
template <class Op, class T>
consteval bool require_operator() {
    constexpr auto on = element_id_of<T>;
    constexpr bool inexact = is_real(on) || is_complex(on);
    constexpr bool bits_of_real = inexact && detail::is_bitwise(detail::operator_traits<Op>::id);
    constexpr bool mean_of_other = operator_id_of<Op, T> == operator_id::average && !is_integer(on) && !inexact;
    static_assert(std::is_object_v<Op>, "chorus: the operator must be an object: pass a function as &function");
    static_assert(!bits_of_real,
                  "chorus: std::bit_and, std::bit_or and std::bit_xor are not defined for floating-point "
                  "elements");
    static_assert(!mean_of_other, "chorus: average is defined for integers, floating-point and complex numbers only");
    if constexpr (std::is_object_v<Op> && !bits_of_real && !mean_of_other) {
        static_assert(detail::folds<Op, T>(),
                      "chorus: the operator must be callable as T op(T, T), also through a reference to const");
        static_assert(std::is_copy_constructible_v<T> && std::is_copy_assignable_v<T>,
                      "chorus: elements that are reduced must be copyable and assignable");
        static_assert(alignof(T) <= 4096, "chorus: elements that are reduced must not be aligned to more than 4096 bytes");
        return detail::folds<Op, T>() && std::is_copy_assignable_v<T> && std::is_copy_constructible_v<T>;
    } else
        return false;
}

/// Says why an operator with a last step cannot be scanned with.
template <class Op, class T>
consteval void require_scannable() {
    static_assert(!facts_of<Op, T>().finishes, "chorus: a scan has no average: scan with std::plus<>{} and divide by the number of ranks before");
}

/// A number for the operator that all ranks of a call must share: equal for std::plus<> and std::plus<float>; other
/// callables by the name of their type, which is stable between processes of one compiler only.
template <class Op>
constexpr std::uint32_t operator_hash() {
    constexpr auto id = detail::operator_traits<Op>::id;
    if constexpr (id == operator_id::custom)
        return detail::name_hash<Op>;
    else
        return detail::hash_word(static_cast<std::uint32_t>(id));
}

} // namespace chorus
