/// The results of `chorus simulate` as JSON.

#include "simulate.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace chorus::tools {

namespace {

using json = nlohmann::ordered_json;

json as_json(report::job_figures const& f, traffic::member const& of) {
    json result{{"name", of.name},           {"ranks", of.ranks.size()},  {"iterations", of.iterations}, {"iteration", f.iteration},       {"compute", f.compute},
            {"bubble", f.bubble},        {"exposed", f.exposed},      {"communication", f.communication}, {"linear_speed_up", f.speed_up},
            {"mfu", f.mfu},              {"makespan_efficiency", f.efficiency}, {"mean_rate", f.mean_rate}, {"slowest_rate", f.slowest_rate},
            {"stuck", f.stuck}};
    if (!of.chosen.empty()) result["chosen"] = of.chosen;
    return result;
}

double four_digits(double x) { return std::round(1e4 * x) / 1e4; }

/// Four digits do for a colour. A link whose flows went elsewhere when it died was not busy for longer than the phase.
json rounded(std::vector<float> const& seconds, double duration) {
    auto list = json::array();
    for (auto const each : seconds) list.push_back(duration > 0 ? std::min(1.0, four_digits(double(each) / duration)) : 0.0);
    return list;
}

json phases_of(simulated const& from, bool with_loads) {
    auto list = json::array();
    for (std::size_t i = 0; i < from.record.phases.size(); ++i) {
        auto const& p = from.record.phases[i];
        json one{{"activity", p.activity}, {"phase", p.phase},           {"repeats", p.repeats},     {"flows", p.flows},
                 {"begin", p.begin},       {"transferred", p.transferred}, {"end", p.end},           {"ideal", p.ideal},
                 {"makespan_efficiency", p.efficiency()}, {"mean_rate", p.mean_rate}, {"slowest_rate", p.slowest_rate},
                 {"contended", p.contended}, {"rates", p.histogram}};
        if (with_loads && i < from.loads.size()) {
            auto const duration = p.transferred - p.begin;
            one["load_mean"] = rounded(from.loads[i].mean, duration);
            one["load_most"] = rounded(from.loads[i].most, duration);
        }
        list.push_back(std::move(one));
    }
    return list;
}

/// Parts of line rate, by interval, of each row of cells: the mean of its links, and its busiest cell.
json over_time(load_cells const& cells, sim::load_series const& from) {
    json result{{"interval", from.length()}, {"rows", json::array()}};
    std::uint32_t first = 0;
    for (auto const& row : cells.rows) {
        auto const last = first + static_cast<std::uint32_t>(row.cells.size());
        json one{{"name", row.name}, {"mean", json::array()}, {"most", json::array()}};
        for (std::size_t i = 0; i < from.intervals(); ++i) {
            double sum = 0, capacity = 0, most = 0;
            for (auto c = first; c < last; ++c) {
                sum += from.load(i, c) * from.capacity(c);
                capacity += from.capacity(c);
                most = std::max(most, from.load(i, c));
            }
            one["mean"].push_back(four_digits(sum / capacity));
            one["most"].push_back(four_digits(most));
        }
        result["rows"].push_back(std::move(one));
        first = last;
    }
    return result;
}

json activities_of(simulation const& all, simulated const& from) {
    auto list = json::array();
    for (std::size_t a = 0; a < all.program.activities.size(); ++a) {
        auto const& one = all.program.activities[a];
        list.push_back({{"name", one.name}, {"kind", one.kind}, {"job", one.job}, {"begin", from.record.activities[a].begin},
                        {"end", from.record.activities[a].end}});
    }
    return list;
}

} // namespace

json as_json(simulation const& all, bool with_loads) {
    auto const& s = all.scenario;
    json result{{"topology", all.on.caption()}, {"endpoints", all.on.endpoints()}, {"job", all.file}, {"assumptions", s.assumptions},
                {"network", {{"payload", s.payload}, {"utilisation", s.utilisation}, {"convergence", s.convergence},
                             {"step_overhead", s.step_overhead}, {"reroute_after", s.reroute_after}}}};
    if (s.availability.between > 0)
        result["availability"] = report::availability(s.availability.interval, s.availability.repair, s.availability.between);
    for (auto const& each : all.mappings)
        result["mappings"].push_back({{"job", each.job}, {"order", each.order}, {"cost", each.cost}});
    result["policies"] = json::array();
    for (auto const& each : all.policies) {
        json one{{"policy", each.policy}, {"makespan", each.record.makespan}, {"simulation_seconds", each.wall}, {"events", each.record.events}};
        one["jobs"] = json::array();
        for (std::size_t j = 0; j < each.jobs.size(); ++j) one["jobs"].push_back(as_json(each.jobs[j], all.program.jobs[j]));
        one["activities"] = activities_of(all, each);
        one["phases"] = phases_of(each, with_loads);
        if (each.over_time) one["load"] = over_time(all.cells, *each.over_time);
        result["policies"].push_back(std::move(one));
    }
    return result;
}

} // namespace chorus::tools
