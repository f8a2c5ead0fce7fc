#pragma once
/// Texts for people, put together from words and numbers: one function for all messages, since each chain of `+` over
/// strings is a page of machine code.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace chorus::detail {

/// A piece of a text: refers to what it is made of.
class text_part {
public:
    text_part(std::string_view text) : text_(text) {}
    text_part(std::string const& text) : text_(text) {}
    text_part(char const* text) : text_(text) {}
    template <std::integral Number>
    text_part(Number number) : number_(static_cast<std::int64_t>(number)), is_number_(true) {}

    void append_to(std::string& text) const { is_number_ ? text += std::to_string(number_) : text += text_; }

private:
    std::string_view text_;
    std::int64_t number_ = 0;
    bool is_number_ = false;
};

[[gnu::cold, gnu::noinline]] inline void append(std::string& text, std::initializer_list<text_part> words) {
    for (auto const& each : words) each.append_to(text);
}

/// text({"rank ", 3, " of ", 8}) is "rank 3 of 8".
[[gnu::cold, gnu::noinline]] inline std::string text(std::initializer_list<text_part> words) {
    std::string result;
    append(result, words);
    return result;
}

} // namespace chorus::detail
