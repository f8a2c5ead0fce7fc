#pragma once
/// The one grammar of topologies, traffic, placements and policies on the command line:
///
///     NAME[:KEY=VALUE[,KEY=VALUE...]]        fat-tree:k=8,rate=400G
///
/// Whoever reads a spec asks for its keys one by one and says `done()`: a key that nobody asked for is an error that
/// names those that are allowed.

#include <chorus/core/errors.hpp>
#include <chorus/network/units.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chorus {

class spec {
public:
    /// Throws usage_error for a part that is no KEY=VALUE and for a key given twice.
    explicit spec(std::string_view text) : text_(text), name_(text.substr(0, text.find(':'))) {
        auto rest = text.size() > name_.size() ? text.substr(name_.size() + 1) : std::string_view{};
        while (!rest.empty()) {
            auto const part = rest.substr(0, rest.find(','));
            rest.remove_prefix(part.size() == rest.size() ? part.size() : part.size() + 1);
            auto const sign = part.find('=');
            if (sign == std::string_view::npos || sign == 0 || sign + 1 == part.size())
                detail::misuse({name_, ": '", part, "' should be KEY=VALUE"});
            for (auto const& other : options_)
                if (other.key == part.substr(0, sign)) detail::misuse({name_, ": ", other.key, " is given twice"});
            options_.push_back({std::string(part.substr(0, sign)), std::string(part.substr(sign + 1)), false});
        }
    }

    std::string const& text() const { return text_; }
    std::string const& name() const { return name_; }

    bool has(std::string_view key) {
        allowed_.emplace_back(key);
        for (auto& each : options_)
            if (each.key == key) return each.used = true;
        return false;
    }
    std::string word(std::string_view key, std::string_view otherwise) {
        return has(key) ? value(key) : std::string(otherwise);
    }
    /// One of `words`, the first when it is not given.
    std::string one_of(std::string_view key, std::vector<std::string_view> const& words) {
        auto const given = word(key, words.front());
        std::string all;
        for (auto const& each : words) {
            if (each == given) return given;
            detail::append(all, {all.empty() ? "" : ", ", each});
        }
        detail::misuse({name_, ": ", key, " should be one of ", all, ", not ", given});
    }
    /// A whole number from least to most. Throws usage_error when it is not given.
    std::uint32_t number(std::string_view key, std::uint32_t least, std::uint32_t most) {
        if (!has(key)) detail::misuse({name_, ": ", key, "= is needed, from ", least, " to ", most});
        auto const text = value(key);
        std::uint32_t result = 0;
        auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result);
        if (problem != std::errc() || end != text.data() + text.size() || result < least || result > most)
            detail::misuse({name_, ": ", key, " should be a number from ", least, " to ", most, ", not ", text});
        return result;
    }
    std::uint32_t number(std::string_view key, std::uint32_t least, std::uint32_t most, std::uint32_t otherwise) {
        return has(key) ? number(key, least, most) : otherwise;
    }
    /// Bytes per second.
    double rate(std::string_view key, double otherwise) { return has(key) ? parse_rate(value(key)) : otherwise; }
    /// Seconds.
    double time(std::string_view key, double otherwise) { return has(key) ? parse_time(value(key)) : otherwise; }
    double real(std::string_view key, double least, double most, double otherwise) {
        if (!has(key)) return otherwise;
        auto const text = value(key);
        double result = 0;
        auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result);
        if (problem != std::errc() || end != text.data() + text.size() || !(result >= least && result <= most))
            detail::misuse({name_, ": ", key, " should be a number from ", detail::short_number(least), " to ",
                            detail::short_number(most), ", not ", text});
        return result;
    }

    /// Throws usage_error when there is a key that was not asked for.
    void done() const {
        for (auto const& each : options_)
            if (!each.used) detail::misuse({name_, ": there is no option ", each.key, "; allowed are ", allowed()});
    }

private:
    struct option {
        std::string key, value;
        bool used = false;
    };

    std::string const& value(std::string_view key) const {
        for (auto const& each : options_)
            if (each.key == key) return each.value;
        detail::misuse({name_, ": ", key, "= is needed"});
    }
    std::string allowed() const {
        std::string all;
        for (std::size_t i = 0; i < allowed_.size(); ++i) {
            auto seen = false;
            for (std::size_t j = 0; j < i; ++j) seen = seen || allowed_[j] == allowed_[i];
            if (!seen) detail::append(all, {all.empty() ? "" : ", ", allowed_[i]});
        }
        return all.empty() ? "none" : all;
    }

    std::string text_, name_;
    std::vector<option> options_;
    std::vector<std::string> allowed_;
};

} // namespace chorus
