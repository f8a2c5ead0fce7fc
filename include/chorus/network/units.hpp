#pragma once
/// Rates and times as people write them: "400G" is 400 Gbit/s, kept as bytes per second; "1.5us" is seconds.

#include <chorus/core/errors.hpp>

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace chorus {

namespace detail {

/// A number and what follows it. Throws usage_error naming `what` unless there is a number in front.
struct number_with_unit {
    double number = 0;
    std::string_view unit;
};
inline number_with_unit split_unit(std::string_view text, std::string_view what) {
    number_with_unit parts;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), parts.number);
    if (problem != std::errc() || !(parts.number >= 0) || std::isinf(parts.number))
        misuse({what, ": '", text, "' is no number with a unit"});
    parts.unit = text.substr(static_cast<std::size_t>(end - text.data()));
    return parts;
}

/// Six significant digits without trailing zeros.
inline std::string short_number(double number) {
    char digits[32];
    auto const end = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general, 6).ptr;
    return std::string(digits, end);
}

} // namespace detail

/// "400G", "1.6T", "100M", or a plain number: bits per second. The result is in bytes per second.
/// Throws usage_error for what is no rate from 1 bit per second to 10^18.
inline double parse_rate(std::string_view text) {
    auto const [number, unit] = detail::split_unit(text, "rate");
    auto const scale = unit.empty() ? 1.0 : unit == "M" ? 1e6 : unit == "G" ? 1e9 : unit == "T" ? 1e12 : 0.0;
    if (scale == 0.0 || number * scale < 1 || number * scale > 1e18)
        detail::misuse({"rate: '", text, "' should be bits per second, such as 400G or 1.6T, from 1 to 1000000T"});
    return number * scale / 8;
}

/// "500ns", "1.5us", "2ms", "3s": in seconds. Throws usage_error for what is no time, or above 10^9 s.
inline double parse_time(std::string_view text) {
    auto const [number, unit] = detail::split_unit(text, "time");
    auto const scale = unit == "ns" ? 1e-9 : unit == "us" ? 1e-6 : unit == "ms" ? 1e-3 : unit == "s" ? 1.0 : 0.0;
    if (scale == 0.0) detail::misuse({"time: '", text, "' should end in ns, us, ms or s"});
    if (number * scale > 1e9) detail::misuse({"time: '", text, "' should be at most 1000000000s"});
    return number * scale;
}

/// Bytes per second as "400G": what parse_rate reads.
inline std::string rate_text(double bytes_per_second) {
    auto const bits = bytes_per_second * 8;
    if (bits >= 1e12) return detail::short_number(bits / 1e12) + "T";
    if (bits >= 1e9) return detail::short_number(bits / 1e9) + "G";
    if (bits >= 1e6) return detail::short_number(bits / 1e6) + "M";
    return detail::short_number(bits);
}

} // namespace chorus
