#pragma once
/// Reads a choice from text: the other direction of `to_string(choice)`.

#include <chorus/algorithm/choice.hpp>
#include <chorus/algorithm/names.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/pattern/groups.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

/// One pass over the text of a choice.
class choice_parser {
public:
    choice_parser(std::string_view text, int ranks, int depth = 0) : text_(text), ranks_(ranks), depth_(depth) {}

    choice run() {
        if (depth_ > most_levels) fail("more than " + std::to_string(most_levels) + " levels");
        auto const colon = std::min(text_.find(':'), text_.size());
        auto const called = text_.substr(0, colon);
        if (called != "auto") how_.name = known_name(called);
        for (auto rest = text_.substr(colon); !rest.empty();) {
            rest.remove_prefix(1); // ':' or ','
            auto const end = end_of_option(rest);
            auto const equals = std::min(rest.find('='), end);
            option(rest.substr(0, equals), rest.substr(std::min(equals + 1, end), end - std::min(equals + 1, end)));
            rest.remove_prefix(end);
        }
        if (composed()) how_.levels = std::make_shared<hierarchy const>(std::move(levels_));
        return std::move(how_);
    }

private:
    [[noreturn]] void fail(std::string const& why) const {
        throw usage_error("chorus: algorithm '" + std::string(text_) + "': " + why);
    }
    std::string_view known_name(std::string_view called) const {
        std::string allowed = "auto";
        for (auto const each : algorithm_names) {
            if (each == called) return each;
            allowed += ", " + std::string(each);
        }
        fail("no algorithm '" + std::string(called) + "'; allowed are " + allowed);
    }
    bool composed() const { return how_.name == "hierarchical"; }
    bool in_segments() const { return !composed() && !how_.automatic() && how_.name != "native"; }

    /// Where the next comma outside parentheses is.
    std::size_t end_of_option(std::string_view rest) const {
        int depth = 0;
        for (std::size_t i = 0; i < rest.size(); ++i) {
            if (rest[i] == '(') ++depth;
            if (rest[i] == ')' && --depth < 0) fail("a ')' without its '('");
            if (rest[i] == ',' && depth == 0) return i;
        }
        if (depth > 0) fail("a '(' without its ')'");
        return rest.size();
    }
    void option(std::string_view key, std::string_view value) {
        if (key == "radix" && how_.name == "bruck") {
            how_.radix = number(key, value, 2);
        } else if (key == "segments" && in_segments()) {
            how_.segments = number(key, value, 1);
        } else if (key == "groups" && composed()) {
            auto const sizes = numbers(key, value, 1);
            std::int64_t named = 0;
            for (auto const size : sizes) named += size;
            check_ranks(named);
            levels_.group_of = group_of_sizes(sizes);
        } else if (key == "group_of" && composed()) {
            levels_.group_of = numbers(key, value, 0);
            check_ranks(static_cast<std::int64_t>(levels_.group_of.size()));
        } else if (key == "inside" && composed()) {
            levels_.inside = nested(value, 0);
        } else if (key == "between" && composed()) { // one rank of each group
            levels_.between = nested(value, static_cast<int>(members_of(levels_.group_of).size()));
        } else {
            fail("no option '" + std::string(key) + "' here; allowed are " + allowed_options());
        }
    }
    std::string allowed_options() const {
        if (composed()) return "groups=2+3 (sizes) or group_of=0+0+1 (per rank), inside=(...), between=(...)";
        if (how_.name == "bruck") return "radix=2 or more, segments=1 or more";
        return in_segments() ? "segments=1 or more" : "none";
    }

    int number(std::string_view key, std::string_view digits, int least) const {
        int value = digits.empty() ? -1 : 0;
        for (auto const digit : digits) {
            auto const fits = digit >= '0' && digit <= '9' && value >= 0 && value <= most / 10;
            value = fits ? 10 * value + (digit - '0') : -1;
        }
        if (value < least || value > most)
            fail("option '" + std::string(key) + "' takes numbers from " + std::to_string(least) + " to " +
                 std::to_string(most) + ", not '" + std::string(digits) + "'");
        return value;
    }
    std::vector<int> numbers(std::string_view key, std::string_view list, int least) const {
        std::vector<int> values;
        for (auto rest = list;;) {
            auto const plus = rest.find('+');
            values.push_back(number(key, rest.substr(0, plus), least));
            if (plus == std::string_view::npos) return values;
            rest.remove_prefix(plus + 1);
        }
    }
    void check_ranks(std::int64_t named) const {
        if (ranks_ > 0 ? named != ranks_ : named > most)
            fail("its groups have " + std::to_string(named) + " ranks in all, allowed are " +
                 (ranks_ > 0 ? std::to_string(ranks_) : "up to " + std::to_string(most)));
    }
    choice nested(std::string_view value, int ranks) const {
        auto const wrapped = value.size() >= 2 && value.front() == '(' && value.back() == ')';
        return choice_parser(wrapped ? value.substr(1, value.size() - 2) : value, ranks, depth_ + 1).run();
    }

    static constexpr int most = 1'000'000; // ranks, segments, digits of a radix
    static constexpr int most_levels = 32;   // each has half as many ranks, where they make sense

    std::string_view text_;
    int ranks_;
    int depth_; // levels around this one
    choice how_;
    hierarchy levels_;
};

} // namespace detail

/// Reads what `to_string(choice)` writes, and "auto":
///
///     ring    bruck:radix=4    chain:segments=8    hierarchical:groups=2+3,inside=(ring),between=(tree)
///
/// `groups` are sizes of consecutive groups, `group_of` is the group of each rank; either is about `ranks` ranks in
/// all, which is not checked if `ranks` is 0. Throws usage_error, in one line that says what is allowed.
inline choice parse_choice(std::string_view text, int ranks) { return detail::choice_parser(text, ranks).run(); }

} // namespace chorus
