#pragma once
/// Reads JSON files that people write: what is wrong is told with file, place and what was expected.

#include <chorus/core/errors.hpp>
#include <chorus/json/parse.hpp>
#include <chorus/network/file.hpp>
#include <chorus/network/units.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace chorus::traffic {

/// One JSON object of a file. Whoever reads it asks for its keys one by one and says `done()`: a key that nobody asked
/// for is an error. All errors are usage_errors "FILE: /path/of/key: should be ..., not ...".
class json_reader {
public:
    using json = nlohmann::json;

    json_reader(std::string file, std::string path, json const& value) : file_(std::move(file)), path_(std::move(path)), value_(&value) {
        if (!value.is_object()) fail("", "an object");
    }

    bool has(std::string const& key) {
        asked_.insert(key);
        return value_->contains(key) && !(*value_)[key].is_null();
    }
    double number(std::string const& key, double least, double most) {
        if (!has(key)) fail(key, "given: " + range(least, most));
        auto const& given = (*value_)[key];
        auto const value = given.is_number() ? given.get<double>() : std::nan("");
        if (!(value >= least && value <= most)) fail(key, range(least, most));
        return value;
    }
    double number(std::string const& key, double least, double most, double otherwise) {
        return has(key) ? number(key, least, most) : otherwise;
    }
    std::int64_t whole(std::string const& key, double least, double most) {
        auto const value = number(key, least, most);
        if (value != std::floor(value)) fail(key, "a whole number");
        return static_cast<std::int64_t>(value);
    }
    std::int64_t whole(std::string const& key, double least, double most, std::int64_t otherwise) {
        return has(key) ? whole(key, least, most) : otherwise;
    }
    int integer(std::string const& key, int least, int most, int otherwise) {
        return static_cast<int>(whole(key, least, most, otherwise));
    }
    bool flag(std::string const& key, bool otherwise) {
        if (!has(key)) return otherwise;
        if (!(*value_)[key].is_boolean()) fail(key, "true or false");
        return (*value_)[key].get<bool>();
    }
    std::string text(std::string const& key) {
        if (!has(key) || !(*value_)[key].is_string()) fail(key, "a text");
        return (*value_)[key].get<std::string>();
    }
    std::string text(std::string const& key, std::string const& otherwise) { return has(key) ? text(key) : otherwise; }
    /// What `read` returns; its usage_errors are told with this key's place.
    template <class Read>
    auto reading(std::string const& key, Read read) {
        return told_with_place(place(key), read);
    }
    /// Seconds: a text as parse_time reads it, "2us".
    double time(std::string const& key, double otherwise) {
        if (!has(key)) return otherwise;
        auto const given = text(key);
        return reading(key, [&] { return parse_time(given); });
    }
    json_reader object(std::string const& key) {
        if (!has(key)) fail(key, "an object");
        return {file_, path_ + "/" + key, (*value_)[key]};
    }
    /// Calls visit(value, path) for every element of an array; none where there is no such key.
    template <class Visit>
    void each(std::string const& key, Visit visit) {
        if (!has(key)) return;
        auto const& list = (*value_)[key];
        if (!list.is_array()) fail(key, "an array");
        for (std::size_t i = 0; i < list.size(); ++i) visit(list[i], path_ + "/" + key + "/" + std::to_string(i));
    }
    /// Throws where there is a key that nobody asked for.
    void done() const {
        for (auto const& [key, value] : value_->items()) {
            if (asked_.count(key) != 0) continue;
            std::string allowed;
            for (auto const& each : asked_) allowed += (allowed.empty() ? "" : ", ") + each;
            throw usage_error("chorus: " + file_ + ": " + path_ + "/" + key + ": there is no such key here; allowed are " + allowed);
        }
    }
    [[noreturn]] void fail(std::string const& key, std::string const& expected) const {
        auto const& given = key.empty() ? *value_ : value_->contains(key) ? (*value_)[key] : nothing();
        auto shown = given.dump(-1, ' ', true, json::error_handler_t::replace);
        if (shown.size() > 60) shown = shown.substr(0, 60) + "...";
        throw usage_error("chorus: " + place(key) + ": should be " + expected + ", not " + shown);
    }
    /// "FILE: /path/of/key", of the object itself without a key.
    std::string place(std::string const& key = "") const {
        auto const path = path_ + (key.empty() ? "" : "/" + key);
        return file_ + ": " + (path.empty() ? "/" : path);
    }
    std::string const& file() const { return file_; }
    std::string const& path() const { return path_; }

private:
    static json const& nothing() {
        static json const none;
        return none;
    }
    static std::string range(double least, double most) {
        auto const open = most == std::numeric_limits<double>::infinity();
        return "a number from " + chorus::detail::short_number(least) + (open ? "" : " to " + chorus::detail::short_number(most));
    }

    std::string file_, path_;
    json const* value_;
    std::set<std::string> asked_;
};

/// The text as JSON; // and /* */ comments are allowed. Throws usage_error "FILE:LINE: ...".
inline nlohmann::json parse_json(std::string const& file, std::string const& text) {
    return chorus::json::parse_as<nlohmann::json>(file, text, true);
}

} // namespace chorus::traffic
