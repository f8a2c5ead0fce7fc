#include "algorithms.hpp"

#include "command.hpp"
#include "plugin.hpp"
#include "text.hpp"

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/parse.hpp>
#include <chorus/plugin.hpp>

#include <algorithm>

namespace chorus::tools {

namespace {

/// Its code and its texts are used until the end.
std::vector<catalogue_entry> load(std::string const& path) {
    auto* const symbol = load_symbol(path, "chorus_plugin", "void chorus_plugin(chorus::plugin_catalogue&)");
    plugin_catalogue added;
    try {
        reinterpret_cast<decltype(&chorus_plugin)>(symbol)(added);
    } catch (error const& e) {
        cannot_load(path, e.what());
    }
    if (added.entries().empty()) cannot_load(path, "it adds no algorithm");
    return added.entries();
}

} // namespace

algorithms::algorithms(std::vector<std::string> const& plugins) {
    for (auto const& each : all_entries) entries_[static_cast<std::size_t>(each.what)].push_back(each);
    for (auto const& path : plugins)
        for (auto const& each : load(path)) {
            auto& among = entries_[static_cast<std::size_t>(each.what)];
            if (find(among, each.name) != nullptr)
                throw environment_error("plugin '" + path + "': " + std::string(name(each.what)) +
                                        " already has an algorithm '" + std::string(each.name) + "'");
            among.push_back(each);
            plugin_names_.push_back(each.name);
        }
}

catalogue_entry const& algorithms::at(collective what, std::string_view called) const {
    if (auto const* const entry = find(of(what), called)) return *entry;
    std::vector<std::string> names;
    for (auto const& each : of(what)) names.emplace_back(each.name);
    throw usage_error(std::string(name(what)) + " has no algorithm '" + std::string(called) + "'; allowed are " +
                      join(names));
}

bool algorithms::from_plugin(std::string_view called) const {
    return std::find(plugin_names_.begin(), plugin_names_.end(), called) != plugin_names_.end();
}

bool algorithms::known_anywhere(std::string_view called) const {
    return from_plugin(called) ||
           std::find(algorithm_names.begin(), algorithm_names.end(), called) != algorithm_names.end();
}

choice algorithms::parse(std::string_view text, int ranks) const {
    auto const called = name_of(text);
    if (!from_plugin(called)) return parse_choice(text, ranks);
    try {
        auto how = parse_choice("bruck" + std::string(text.substr(called.size())), ranks); // has both options
        how.name = *std::find(plugin_names_.begin(), plugin_names_.end(), called);
        return how;
    } catch (usage_error const&) {
        throw usage_error("algorithm '" + std::string(text) +
                          "': allowed options of a plugin's algorithm are radix=2 or more, segments=1 or more");
    }
}

std::vector<std::string> names_of_collectives() {
    std::vector<std::string> names;
    for (auto const each : collective_names)
        if (each != name(collective::send_recv)) names.emplace_back(each);
    return names;
}

collective read_collective(std::string_view option, std::string_view text) {
    return static_cast<collective>(read_name(option, text, names_of_collectives()));
}

std::string_view name_of(std::string_view algorithm) { return algorithm.substr(0, algorithm.find(':')); }

std::vector<schedule> record_all(call_shape shape, catalogue_entry const& entry, choice const& how) {
    std::vector<schedule> all;
    all.reserve(static_cast<std::size_t>(shape.ranks));
    for (shape.rank = 0; shape.rank < shape.ranks; ++shape.rank) all.push_back(record(shape, entry.record, how));
    return all;
}

std::string ranks_it_serves(catalogue_entry const& entry) {
    std::vector<std::string> reasons;
    choice how;
    how.name = entry.name;
    for (int p = 1; p <= 32 && entry.refuses != nullptr; ++p)
        if (auto const why = std::string(entry.refuses(p, how));
            !why.empty() && std::find(reasons.begin(), reasons.end(), why) == reasons.end())
            reasons.push_back(why);
    return reasons.empty() ? "any p" : join(reasons);
}

} // namespace chorus::tools
