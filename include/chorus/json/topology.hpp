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
    for (std::size_t i = 0; i < from.size(); ++i) {
        auto const name = from[i]["link"].text();
        auto const health = from[i]["health"].real(0, 1);
        try {
            into.set_health(into.find_link(name), health);
        } catch (usage_error const&) {
            from[i]["link"].fail("the name of a link of " + into.text() + ", such as " + into.link_name(0));
        }
    }
}

inline layer read_layer(reader const& from) {
    auto const level = from["tier"].text();
    layer result;
    for (std::size_t t = 0; t < std::size(tier_names); ++t)
        if (tier_names[t] == level) result.level = static_cast<tier>(t);
    if (tier_names[static_cast<std::size_t>(result.level)] != level)
        from["tier"].fail("endpoint, bus, edge, aggregation, core or router");
    auto const names = from["names"];
    for (std::size_t i = 0; i < names.size(); ++i) result.names.push_back(names[i].text());
    result.count = static_cast<std::uint32_t>(result.names.size());
    return result;
}

/// A cable: [index of a, index of b, rate as text, latency as text].
inline void read_cable(reader const& from, topology& into) {
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
    auto const layers = from["layers"];
    if (layers.size() == 0) layers.fail("an array that begins with the endpoints");
    auto first = read_layer(layers[0]);
    if (first.level != tier::endpoint || first.count == 0) layers[0].fail("the endpoints, one at least");
    topology result(from["name"].text(), first.count);
    result.add_layer(std::move(first));
    for (std::size_t i = 1; i < layers.size(); ++i) result.add_layer(read_layer(layers[i]));
    auto const cables = from["cables"];
    for (auto const i : in_order(cables, result)) read_cable(cables[i], result);
    return result;
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
    auto result = from.has("topology") ? from["topology"].reading([&] { return parse_topology(from["topology"].text()); }) : detail::read_network(from);
    if (from.has("health")) detail::read_health(from["health"], result);
    return result;
}
inline topology load_topology(std::string const& path) {
    auto const root = read_file(path);
    return topology_from(reader(path, root));
}

} // namespace chorus::json
