#pragma once
/// Plans as JSON; docs/schemas/plan.md has the schema. What is needed to run, check and change a plan later: the
/// topology, the flows, and a path for each.

#include <chorus/json/topology.hpp>
#include <chorus/network/routing.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace chorus::json {

struct plan {
    topology on;
    std::string policy;
    std::vector<flow> phase;
    routing paths;
};

namespace detail {

inline value path_of(plan const& from, route_id route) {
    if (route == unreachable) return nullptr;
    if (route == spread) return "spread";
    if (route < spread) return route;
    auto links = value::array();
    for (auto const l : from.paths.path(route)) links.push_back(from.on.link_name(l));
    return links;
}

inline route_id read_path(reader const& from, flow const& f, plan& into) {
    auto const& raw = from.raw();
    auto const* const clos = into.on.clos();
    if (raw.is_null()) return unreachable;
    if (raw.is_string() && raw == "spread" && clos != nullptr) return spread;
    if (raw.is_number() && clos != nullptr) return from.number32(0, clos->routes() - 1);
    if (!raw.is_array())
        from.fail(clos != nullptr ? "a route number, \"spread\", null or an array of links"
                                  : "an array of links, or null");
    std::vector<link_id> links;
    auto at = f.source;
    for (std::size_t i = 0; i < from.size(); ++i) {
        auto const name = from[i].text();
        try {
            links.push_back(into.on.find_link(name));
        } catch (usage_error const&) {
            from[i].fail("the name of a link of " + into.on.text());
        }
        if (into.on.from(links.back()) != at) from[i].fail("a link that begins at " + into.on.vertex_name(at));
        at = into.on.to(links.back());
    }
    if (at != f.destination) from.fail("a path that ends at " + into.on.vertex_name(f.destination));
    return into.paths.add_path(links);
}

} // namespace detail

/// Flows are [source, destination, bytes, tag]; paths are [flow, path, share].
inline value to_json(plan const& from) {
    value result{{"format", "chorus-plan-1"}};
    result["network"] = to_json(from.on);
    result["policy"] = from.policy;
    auto& flows = result["flows"] = value::array();
    for (auto const& f : from.phase) flows.push_back(value::array({f.source, f.destination, f.bytes, f.tag}));
    auto& paths = result["paths"] = value::array();
    for (auto const& each : from.paths.subflows())
        paths.push_back(value::array({each.flow, detail::path_of(from, each.route), each.share}));
    if (from.paths.how_spread == spreading::adaptive) result["spreading"] = "adaptive";
    return result;
}

/// Throws usage_error with file, JSON path and what was expected.
inline plan plan_from(reader const& from) {
    if (from["format"].text() != "chorus-plan-1") from["format"].fail("\"chorus-plan-1\"");
    plan result{topology_from(from["network"]), from["policy"].text(), {}, {}};
    auto const flows = from["flows"], paths = from["paths"];
    auto const last = result.on.endpoints() - 1;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        auto const f = flows[i];
        result.phase.push_back({f[0].number32(0, last), f[1].number32(0, last), f[2].number(0, 1ULL << 62),
                                f[3].number32(0, 0xFFFF'FFFFU)});
    }
    if (paths.size() > 0 && result.phase.empty()) flows.fail("the flows that the paths are of");
    for (std::size_t i = 0; i < paths.size(); ++i) {
        auto const number = paths[i][0].number32(i == 0 ? 0 : result.paths[i - 1].flow, result.phase.size() - 1);
        auto const route = detail::read_path(paths[i][1], result.phase[number], result);
        result.paths.add({number, route, static_cast<float>(paths[i][2].real(0, 1))});
    }
    if (from.has("spreading")) {
        if (from["spreading"].text() != "adaptive") from["spreading"].fail("\"adaptive\"");
        result.paths.how_spread = spreading::adaptive;
    }
    return result;
}
inline plan load_plan(std::string const& path) {
    auto const root = read_file(path);
    return plan_from(reader(path, root));
}

} // namespace chorus::json
