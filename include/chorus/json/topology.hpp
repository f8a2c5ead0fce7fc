#pragma once
/// Topologies as JSON; docs/schemas/topology.md has the schema. A fabric of the grammar is its text and what is wrong
/// with it; any other network is the list of its vertices and cables.

#include <chorus/json/value.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/network/topology.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace chorus::json {

namespace detail {

inline constexpr std::string_view tier_names[]{"endpoint", "bus", "edge", "aggregation", "core", "router"};

inline value health_of(topology const& on) {
    auto list = value::array();
    for (link_id l = 0; l < on.links() && !on.healthy(); ++l)
        if (on.health(l) < 1) list.push_back({{"link", on.link_name(l)}, {"health", on.health(l)}});
    return list;
}

inline void read_health(reader const& from, topology& into) {
    std::set<link_id> seen;
    for (std::size_t i = 0; i < from.size(); ++i) {
        auto const name = from[i].only({"link", "health"})["link"].text();
        auto const health = from[i]["health"].real(0, 1);
        link_id link = 0;
        try {
            link = into.find_link(name);
        } catch (usage_error const&) {
            from[i]["link"].fail("the name of a link of " + into.text() + ", such as " + into.link_name(0));
        }
        if (!seen.insert(link).second) from[i]["link"].fail("a link that is not above, too");
        into.set_health(link, health);
    }
}

/// `seen`: the names of all layers so far.
inline layer read_layer(reader const& from, std::set<std::string>& seen) {
    auto const level = from.only({"tier", "names"})["tier"].text();
    layer result;
    for (std::size_t t = 0; t < std::size(tier_names); ++t)
        if (tier_names[t] == level) result.level = static_cast<tier>(t);
    if (tier_names[static_cast<std::size_t>(result.level)] != level)
        from["tier"].fail("endpoint, bus, edge, aggregation, core or router");
    auto const names = from["names"];
    for (std::size_t i = 0; i < names.size(); ++i) {
        result.names.push_back(names[i].text());
        if (result.names.back().empty()) names[i].fail("a name");
        if (!seen.insert(result.names.back()).second) names[i].fail("a name that no other vertex has");
    }
    result.count = static_cast<std::uint32_t>(result.names.size());
    return result;
}

/// A cable: [index of a, index of b, rate as text, latency as text].
inline void read_cable(reader const& from, topology& into) {
    from.tuple(4);
    auto const a = from[0].number32(0, into.vertices() - 1), b = from[1].number32(0, into.vertices() - 1);
    cable_kind kind;
    try {
        kind = {parse_rate(from[2].text()), parse_time(from[3].text())};
    } catch (usage_error const&) {
        from.fail("[from, to, rate such as \"400G\", latency such as \"1us\"]");
    }
    if (a == b) from.fail("two different ends");
    std::uint32_t number = 0;
    while (number < into.kinds().size() && !(into.kinds()[number] == kind)) ++number;
    auto const backwards = b < into.endpoints(); // an endpoint is the first end of its cable
    into.add_cable(backwards ? b : a, backwards ? a : b, number < into.kinds().size() ? number : into.add_kind(kind));
}

/// The cables as a topology numbers them: first those of the endpoints, one each in their order.
inline std::vector<std::size_t> in_order(reader const& cables, topology const& on) {
    constexpr auto none = std::numeric_limits<std::size_t>::max();
    std::vector<std::size_t> order(on.endpoints(), none), others;
    for (std::size_t i = 0; i < cables.size(); ++i) {
        auto const a = cables[i][0].number32(0, on.vertices() - 1), b = cables[i][1].number32(0, on.vertices() - 1);
        auto const end = std::min(a, b);
        if (end >= on.endpoints()) {
            others.push_back(i);
            continue;
        }
        if (std::max(a, b) < on.endpoints()) cables[i].fail("a switch at one end at least");
        if (std::exchange(order[end], i) != none) cables[i].fail("one cable for each endpoint");
    }
    for (endpoint_id e = 0; e < on.endpoints(); ++e)
        if (order[e] == none) cables.fail("a cable for " + on.vertex_name(e));
    order.insert(order.end(), others.begin(), others.end());
    return order;
}

inline topology read_network(reader const& from) {
    from.only({"name", "layers", "cables", "health"});
    auto const layers = from["layers"];
    if (layers.size() == 0) layers.fail("an array that begins with the endpoints");
    std::set<std::string> names;
    auto first = read_layer(layers[0], names);
    if (first.level != tier::endpoint || first.count == 0) layers[0].fail("the endpoints, one at least");
    topology result(from["name"].text(), first.count);
    result.add_layer(std::move(first));
    for (std::size_t i = 1; i < layers.size(); ++i) result.add_layer(read_layer(layers[i], names));
    auto const cables = from["cables"];
    for (auto const i : in_order(cables, result)) read_cable(cables[i], result);
    return result;
}

/// A fabric of the grammar.
inline topology read_fabric(reader const& from) {
    auto const text = from.only({"topology", "health"})["topology"];
    return text.reading([&] { return parse_topology(text.text()); });
}

} // namespace detail

inline value to_json(topology const& on) {
    value result;
    if (on.clos() != nullptr || on.layers().front().names.empty()) {
        result["topology"] = on.text();
    } else {
        result["name"] = on.text();
        for (auto const& each : on.layers())
            result["layers"].push_back(
                {{"tier", detail::tier_names[static_cast<std::size_t>(each.level)]}, {"names", each.names}});
        for (auto const& each : on.cables()) {
            auto const& kind = on.kinds()[each.kind];
            result["cables"].push_back(
                {each.a, each.b, rate_text(kind.rate), chorus::detail::short_number(kind.latency * 1e9) + "ns"});
        }
    }
    if (auto health = detail::health_of(on); !health.empty()) result["health"] = std::move(health);
    return result;
}

/// Throws usage_error with file, JSON path and what was expected.
inline topology topology_from(reader const& from) {
    auto result = from.has("topology") ? detail::read_fabric(from) : detail::read_network(from);
    if (from.has("health")) detail::read_health(from["health"], result);
    return result;
}
inline topology load_topology(std::string const& path) {
    auto const root = read_file(path);
    return topology_from(reader(path, root));
}

} // namespace chorus::json
