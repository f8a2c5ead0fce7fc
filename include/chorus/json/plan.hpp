#pragma once
/// Plans as JSON; docs/schemas/plan.md has the schema. What is needed to run, check and change a plan later: the
/// topology, the flows, a path for each, and what is claimed of it.

#include <chorus/json/certificate.hpp>
#include <chorus/json/topology.hpp>
#include <chorus/network/routing.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chorus::json {

struct plan {
    topology on;
    std::string policy;
    std::vector<flow> phase;
    routing paths;
    std::optional<claim> certificate = {};
};

/// The plan of a job: its phases by strand (network/flow.hpp).
struct job_plan {
    struct phase {
        std::string name;
        std::uint32_t strand = 0;
        std::vector<flow> flows;
        routing paths;
        std::optional<claim> certificate = {};
    };
    topology on;
    std::string policy;
    std::vector<phase> phases;
};

namespace detail {

inline value path_of(topology const& on, routing const& paths, route_id route) {
    if (route == unreachable) return nullptr;
    if (route == spread) return "spread";
    if (route < spread) return route;
    auto links = value::array();
    for (auto const l : paths.path(route)) links.push_back(on.link_name(l));
    return links;
}

inline route_id read_path(reader const& from, flow const& f, topology const& on, routing& into) {
    auto const& raw = from.raw();
    auto const* const clos = on.clos();
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
            links.push_back(on.find_link(name));
        } catch (usage_error const&) {
            from[i].fail("the name of a link of " + on.text());
        }
        if (on.from(links.back()) != at) from[i].fail("a link that begins at " + on.vertex_name(at));
        at = on.to(links.back());
    }
    if (at != f.destination) from.fail("a path that ends at " + on.vertex_name(f.destination));
    return into.add_path(links);
}

/// "flows": [source, destination, bytes, tag]; "paths": [flow, path, share].
inline void write_paths(value& to, topology const& on, std::vector<flow> const& phase, routing const& how) {
    auto& flows = to["flows"] = value::array();
    for (auto const& f : phase) flows.push_back(value::array({f.source, f.destination, f.bytes, f.tag}));
    auto& paths = to["paths"] = value::array();
    for (auto const& each : how.subflows())
        paths.push_back(value::array({each.flow, path_of(on, how, each.route), each.share}));
    if (how.how_spread == spreading::adaptive) to["spreading"] = "adaptive";
}

/// Each flow has a path, or paths whose shares add up to 1.
inline void require_whole_flows(reader const& paths, std::vector<flow> const& phase, routing const& how) {
    std::vector<double> shares(phase.size());
    for (auto const& each : how.subflows()) shares[each.flow] += each.share;
    for (std::size_t i = 0; i < shares.size(); ++i)
        if (std::abs(shares[i] - 1) > 1e-3) paths.fail("paths of flow " + std::to_string(i) + " whose shares add up to 1, not to " + chorus::detail::short_number(shares[i]));
}

inline void read_paths(reader const& from, topology const& on, std::vector<flow>& phase, routing& how) {
    auto const flows = from["flows"], paths = from["paths"];
    auto const last = on.endpoints() - 1;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        auto const f = flows[i];
        f.tuple(4);
        phase.push_back({f[0].number32(0, last), f[1].number32(0, last), f[2].number(1, 1ULL << 62),
                         f[3].number32(0, 0xFFFF'FFFFU)});
    }
    if (paths.size() > 0 && phase.empty()) flows.fail("the flows that the paths are of");
    for (std::size_t i = 0; i < paths.size(); ++i) {
        auto const number = paths[i].tuple(3)[0].number32(i == 0 ? 0 : how[i - 1].flow, phase.size() - 1);
        auto const route = read_path(paths[i][1], phase[number], on, how);
        how.add({number, route, static_cast<float>(paths[i][2].real(0, 1))});
    }
    require_whole_flows(paths, phase, how);
    if (from.has("spreading")) {
        if (from["spreading"].text() != "adaptive") from["spreading"].fail("\"adaptive\"");
        how.how_spread = spreading::adaptive;
    }
}

} // namespace detail

inline value to_json(plan const& from) {
    value result{{"format", "chorus-plan-1"}};
    result["network"] = to_json(from.on);
    result["policy"] = from.policy;
    if (from.certificate) result["certificate"] = to_json(from.on, *from.certificate);
    detail::write_paths(result, from.on, from.phase, from.paths);
    return result;
}
inline value to_json(job_plan const& from) {
    value result{{"format", "chorus-job-plan-1"}};
    result["network"] = to_json(from.on);
    result["policy"] = from.policy;
    auto& phases = result["phases"] = value::array();
    for (auto const& each : from.phases) {
        value one{{"name", each.name}, {"strand", each.strand}};
        if (each.certificate) one["certificate"] = to_json(from.on, *each.certificate);
        detail::write_paths(one, from.on, each.flows, each.paths);
        phases.push_back(std::move(one));
    }
    return result;
}

/// Throws usage_error with file, JSON path and what was expected.
inline plan plan_from(reader const& from) {
    if (from["format"].text() != "chorus-plan-1") from["format"].fail("\"chorus-plan-1\"");
    from.only({"format", "network", "policy", "certificate", "flows", "paths", "spreading"});
    plan result{topology_from(from["network"]), from["policy"].text(), {}, {}};
    if (from.has("certificate")) result.certificate = claim_from(from["certificate"], result.on);
    detail::read_paths(from, result.on, result.phase, result.paths);
    return result;
}
inline job_plan job_plan_from(reader const& from) {
    if (from["format"].text() != "chorus-job-plan-1") from["format"].fail("\"chorus-job-plan-1\"");
    from.only({"format", "network", "policy", "phases"});
    job_plan result{topology_from(from["network"]), from["policy"].text(), {}};
    auto const phases = from["phases"];
    for (std::size_t i = 0; i < phases.size(); ++i) {
        auto const one = phases[i];
        one.only({"name", "strand", "certificate", "flows", "paths", "spreading"});
        auto& to = result.phases.emplace_back();
        to.name = one["name"].text();
        to.strand = one["strand"].number32(0, phases.size() - 1);
        if (one.has("certificate")) to.certificate = claim_from(one["certificate"], result.on);
        detail::read_paths(one, result.on, to.flows, to.paths);
    }
    return result;
}
inline plan load_plan(std::string const& path) {
    auto const root = read_file(path);
    return plan_from(reader(path, root));
}

} // namespace chorus::json
