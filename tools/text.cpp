#include "text.hpp"

#include "command.hpp"

#include <chorus/core/errors.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>

namespace chorus::tools {

std::string join(std::vector<std::string> const& words, std::string_view separator) {
    return fmt::format("{}", fmt::join(words, separator));
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find(separator, begin), text.size());
        words.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

void refuse(std::string_view option, std::string_view text, std::string_view allowed) {
    throw usage_error(fmt::format("{}: '{}' is not allowed; allowed are {}", option, text, allowed));
}

std::int64_t read_number(std::string_view option, std::string_view text, std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    auto const* const end = text.data() + text.size();
    auto const [stop, problem] = std::from_chars(text.data(), end, value);
    if (problem != std::errc() || stop != end || value < least || value > most)
        refuse(option, text, fmt::format("whole numbers from {} to {}", least, most));
    return value;
}

std::size_t read_name(std::string_view option, std::string_view text, std::vector<std::string> const& allowed) {
    auto const found = std::find(allowed.begin(), allowed.end(), text);
    if (found == allowed.end()) refuse(option, text, join(allowed));
    return static_cast<std::size_t>(found - allowed.begin());
}

namespace {

/// Columns on a terminal: characters, not bytes, of UTF-8.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool is_number(std::string_view text) { return text.find_first_not_of("0123456789.e+-%") == std::string_view::npos; }

} // namespace

std::string aligned(std::vector<std::vector<std::string>> const& rows) {
    std::vector<std::size_t> widths;
    std::vector<char> numbers; // of a column: all are numbers
    for (auto const& row : rows)
        for (std::size_t c = 0; c < row.size(); ++c) {
            if (c >= widths.size()) widths.resize(c + 1), numbers.resize(c + 1, 1);
            widths[c] = std::max(widths[c], width(row[c]));
            if (&row != &rows.front() && !is_number(row[c])) numbers[c] = 0;
        }
    std::string text;
    for (auto const& row : rows) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            auto const space = std::string(widths[c] - width(row[c]), ' ');
            line += (c > 0 ? "  " : "") + (numbers[c] != 0 ? space + row[c] : row[c] + space);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

void write_text(std::string const& file, std::string_view text) {
    if (file.empty() || file == "-") {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
        return;
    }
    std::ofstream to(file, std::ios::binary);
    to << text << std::flush;
    if (!to) throw environment_error("cannot write '" + file + "'");
}

bool errors_go_to_terminal() { return ::isatty(STDERR_FILENO) != 0; }

} // namespace chorus::tools
