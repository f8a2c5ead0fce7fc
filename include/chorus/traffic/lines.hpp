#pragma once
/// Text files of other simulators, line by line and word by word.

#include <chorus/core/errors.hpp>
#include <chorus/network/units.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// What a file of another simulator says.
struct imported {
    int ranks = 0;
    std::vector<activity> activities;  ///< of one job; what waits for nothing begins with the job
    std::vector<std::string> warnings; ///< "FILE:LINE: ..." for what a fluid simulation cannot follow
};

namespace detail {

inline constexpr std::int64_t most_imported_ranks = 1 << 21;
inline constexpr std::int64_t most_imported_bytes = std::int64_t{1} << 50;

/// The words of a text, line by line. What follows // or #, and what is between /* and */, does not count.
class line_reader {
public:
    line_reader(std::string file, std::string text) : file_(std::move(file)), text_(without_blocks(std::move(text))) {}

    /// The next line that has words; false at the end.
    bool next() {
        std::string all;
        words.clear();
        while (words.empty() && std::getline(text_, all)) {
            ++line_;
            all.resize(std::min(all.find("//"), all.size()));
            all.resize(std::min(all.find('#'), all.size()));
            std::istringstream parts(all);
            for (std::string word; parts >> word;) words.push_back(word);
        }
        return !words.empty();
    }
    std::string place(int line) const { return file_ + ":" + std::to_string(line); }
    int line() const { return line_; }
    [[noreturn]] void fail(std::string const& expected) const { fail(line_, expected); }
    [[noreturn]] void fail(int line, std::string const& expected) const { throw usage_error("chorus: " + place(line) + ": " + expected); }

    std::int64_t number(std::string_view text, std::int64_t most, std::string const& what) const {
        return number_of(text, most, std::to_string(most), what);
    }
    std::int64_t word(std::size_t i, std::int64_t most, std::string const& what) const { return number(word(i, what), most, what); }
    double real(std::size_t i, double most, std::string const& what) const {
        return number_of(word(i, what), most, chorus::detail::short_number(most), what);
    }
    /// Nothing may follow the first `count` words.
    void end_after(std::size_t count) const {
        if (words.size() > count) fail("'" + words[count] + "' is not known here");
    }

    std::vector<std::string> words;

private:
    template <class Number>
    Number number_of(std::string_view text, Number most, std::string const& shown, std::string const& what) const {
        Number value = -1;
        auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (problem != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= most))
            fail(what + " should be a number from 0 to " + shown + ", not '" + std::string(text) + "'");
        return value;
    }
    std::string const& word(std::size_t i, std::string const& what) const {
        if (i >= words.size()) fail(what + " is missing");
        return words[i];
    }
    /// Blanks instead of comments in blocks; lines stay lines.
    std::string without_blocks(std::string text) const {
        for (std::size_t at = text.find("/*"); at != std::string::npos; at = text.find("/*", at)) {
            auto const end = text.find("*/", at + 2);
            if (end == std::string::npos)
                fail(static_cast<int>(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')), "the comment does not end");
            for (; at < end + 2; ++at)
                if (text[at] != '\n') text[at] = ' ';
        }
        return text;
    }

    std::string file_;
    std::istringstream text_;
    int line_ = 0;
};

} // namespace detail

} // namespace chorus::traffic
