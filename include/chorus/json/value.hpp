#pragma once
/// JSON values that know where they are, so that errors say it: "plan.json: /flows/3/0: should be a whole number from 0
/// to 15".

#include <chorus/core/errors.hpp>
#include <chorus/json/parse.hpp>
#include <chorus/network/file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace chorus::json {

using value = nlohmann::ordered_json;

/// A value and where it is. Whoever asks for something that is not there gets a usage_error with file and path.
class reader {
public:
    reader(std::string file, value const& root) : file_(std::move(file)), at_(&root) {}

    value const& raw() const { return *at_; }
    [[noreturn]] void fail(std::string_view expected) const {
        throw usage_error("chorus: " + file_ + ": " + (path_.empty() ? "/" : path_) + ": should be " +
                          std::string(expected));
    }

    /// What `read` returns; its usage_errors are told with this place.
    template <class Read>
    auto reading(Read read) const {
        return told_with_place(file_ + ": " + (path_.empty() ? "/" : path_), read);
    }

    bool has(std::string const& key) const { return at_->is_object() && at_->contains(key); }
    reader operator[](std::string const& key) const {
        if (!at_->is_object()) fail("an object");
        if (!at_->contains(key)) fail("an object with \"" + key + "\"");
        return {file_, (*at_)[key], path_ + "/" + key};
    }
    /// Refuses keys that are none of these.
    reader const& only(std::initializer_list<std::string_view> keys) const {
        if (!at_->is_object()) fail("an object");
        for (auto const& [key, one] : at_->items()) {
            if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
            std::string allowed;
            for (auto const& each : keys) chorus::detail::append(allowed, {allowed.empty() ? "" : ", ", each});
            throw usage_error(chorus::detail::text({"chorus: ", file_, ": ", path_, "/", key, ": there is no such key here; allowed are ", allowed}));
        }
        return *this;
    }
    std::size_t size() const {
        if (!at_->is_array()) fail("an array");
        return at_->size();
    }
    /// Refuses all but an array of so many elements.
    reader const& tuple(std::size_t count) const {
        if (size() != count) fail("an array of " + std::to_string(count) + " elements");
        return *this;
    }
    reader operator[](std::size_t i) const {
        if (i >= size()) fail("an array of more than " + std::to_string(i) + " elements");
        return {file_, (*at_)[i], path_ + "/" + std::to_string(i)};
    }

    std::string text() const {
        if (!at_->is_string()) fail("a string");
        return at_->get<std::string>();
    }
    std::uint64_t number(std::uint64_t least, std::uint64_t most) const {
        auto const good =
            at_->is_number_unsigned() && at_->get<std::uint64_t>() >= least && at_->get<std::uint64_t>() <= most;
        if (!good) fail("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        return at_->get<std::uint64_t>();
    }
    /// Precondition: most fits 32 bits.
    std::uint32_t number32(std::uint64_t least, std::uint64_t most) const {
        return static_cast<std::uint32_t>(number(least, most));
    }
    double real(double least, double most) const {
        auto const good = at_->is_number() && at_->get<double>() >= least && at_->get<double>() <= most;
        if (!good) fail("a number from " + value(least).dump() + " to " + value(most).dump());
        return at_->get<double>();
    }

private:
    reader(std::string file, value const& at, std::string path)
        : file_(std::move(file)),
          at_(&at),
          path_(std::move(path)) {}

    std::string file_;
    value const* at_;
    std::string path_;
};

/// `text` as JSON. Throws usage_error with file and line for what is none.
inline value parse(std::string const& text, std::string const& file) {
    return parse_as<value>(file, text, false);
}
inline value read_file(std::string const& path) {
    return parse(read_text(path), path);
}

} // namespace chorus::json
