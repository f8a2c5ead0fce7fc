#include "options.hpp"

#include "text.hpp"

#include <algorithm>
#include <cstdint>

namespace chorus::tools {

namespace {

constexpr std::string_view allowed_sizes =
    "bytes such as 8, 64K, 1M; lists such as 8,1K; ranges from:to:factor such as 8:64M:8";

std::size_t read_size(std::string_view option, std::string_view text) {
    constexpr std::size_t most = std::size_t{1} << 46;
    constexpr std::string_view suffixes = "KMG";
    auto digits = text;
    auto unit = std::size_t{1};
    if (!digits.empty() && suffixes.find(digits.back()) != std::string_view::npos) {
        unit <<= 10 * (suffixes.find(digits.back()) + 1);
        digits.remove_suffix(1);
    }
    std::size_t value = 0;
    for (auto const digit : digits) {
        if (digit < '0' || digit > '9' || value > most) refuse(option, text, allowed_sizes);
        value = 10 * value + static_cast<std::size_t>(digit - '0');
    }
    if (digits.empty() || value > most / unit) refuse(option, text, allowed_sizes);
    return value * unit;
}

} // namespace

size_list read_sizes(std::string_view option, std::string_view text) {
    auto const ends = split(text, ':');
    size_list sizes;
    if (ends.size() == 3) {
        auto const from = read_size(option, ends[0]), to = read_size(option, ends[1]),
                   factor = read_size(option, ends[2]);
        if (from == 0 || to < from || factor < 2)
            refuse(option, text, "ranges from:to:factor with 0 < from <= to and factor >= 2");
        sizes.range = true;
        for (auto bytes = from; bytes <= to; bytes *= factor) {
            sizes.bytes.push_back(bytes);
            if (bytes > to / factor) break;
        }
        return sizes;
    }
    if (ends.size() != 1) refuse(option, text, allowed_sizes);
    for (auto const& each : split(text, ',')) sizes.bytes.push_back(read_size(option, each));
    return sizes;
}

std::vector<std::string> split_algorithms(std::string_view text) {
    std::vector<std::string> result;
    int depth = 0;
    auto begins = true; // the next letter begins a word after a comma outside of parentheses
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (begins) {
            // "segments=2" goes on with the options of the algorithm before it; "ring" and "bruck:radix=4" begin one.
            auto const end = text.find_first_of(":,=", i);
            auto const is_option = end != std::string_view::npos && text[end] == '=' && !result.empty();
            if (is_option)
                result.back() += ',';
            else
                result.emplace_back();
        }
        depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
        begins = text[i] == ',' && depth <= 0;
        if (!begins) result.back() += text[i];
    }
    if (begins) result.emplace_back();
    return result;
}

} // namespace chorus::tools
