#pragma once
/// Text as JSON, for both kinds of readers (value.hpp, reader.hpp).

#include <chorus/core/errors.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace chorus::json {

/// Json is a type of nlohmann's. Throws usage_error, with file and line for what is no JSON, and for a key that an object
/// has twice: which of both counts, the format does not say.
template <class Json>
Json parse_as(std::string const& file, std::string const& text, bool with_comments) {
    std::vector<std::set<std::string>> keys; // of the objects that are open
    auto const watch = [&](int, typename Json::parse_event_t event, Json const& what) {
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key && !keys.back().insert(what.template get<std::string>()).second)
            throw usage_error("chorus: " + file + ": the key " + what.dump() + " is there twice in one object");
        return true;
    };
    try {
        return Json::parse(text, watch, true, with_comments);
    } catch (typename Json::parse_error const& problem) {
        auto const end = std::min<std::size_t>(problem.byte, text.size());
        auto const line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
        throw usage_error("chorus: " + file + ":" + std::to_string(line) + ": is no JSON: " + problem.what());
    } catch (typename Json::exception const& problem) { // a number that no double holds
        throw usage_error("chorus: " + file + ": is no JSON that can be read: " + problem.what());
    }
}

} // namespace chorus::json
