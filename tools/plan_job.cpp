#include "plan_job.hpp"

#include "command.hpp"
#include "text.hpp"
#include "topology.hpp"

#include <chorus/json/scenario.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/joint.hpp>
#include <chorus/sim/phase.hpp>
#include <chorus/traffic/jobs.hpp>
#include <chorus/traffic/strands.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace chorus::tools {

namespace {

/// A plan of a job, what each phase took, and how many of its paths are other ones than before.
struct planned_job {
    json::job_plan what;
    std::vector<double> milliseconds;
    std::vector<std::size_t> changed;
    std::vector<std::string> chosen; ///< algorithms, where the job left them to the library
    double ahead_ms = 0; ///< what was planned for all phases together
    std::optional<double> load_ms; ///< to read an earlier plan and to take it over
};

std::vector<strand> strands_of(json::job_plan const& plan) {
    std::vector<strand> all;
    for (auto const& each : plan.phases) {
        all.resize(std::max(all.size(), std::size_t{each.strand} + 1));
        all[each.strand].phases.push_back(each.flows);
    }
    return all;
}
phase_paths paths_of(json::job_plan const& plan) {
    phase_paths all;
    for (auto const& each : plan.phases) {
        all.resize(std::max(all.size(), std::size_t{each.strand} + 1));
        all[each.strand].push_back(each.paths);
    }
    return all;
}

/// The phases of all jobs, as in traffic::strands_of, with names.
std::vector<json::job_plan::phase> phases_of(traffic::program const& of) {
    std::vector<json::job_plan::phase> all;
    traffic::strand_numbers strands;
    traffic::for_each_exchange(of, [&](traffic::activity const& each, std::size_t p) {
        auto const& one = (*each.phases)[p];
        auto const several = each.phases->size() > 1;
        all.push_back({of.jobs[each.job].name + ": " + each.name + (several ? fmt::format(", phase {}", p + 1) : ""),
                       strands.of(each),
                       traffic::placed(one, of.jobs[each.job], each.job, static_cast<double>(one.repeats) * each.times), {}});
    });
    return all;
}

planned_job make_plan(job_plan_request const& asked) {
    auto const scenario = traffic::read_scenario(asked.job);
    for (auto const& each : scenario.warnings) fmt::print(stderr, "chorus: warning: {}\n", each);
    auto on = fabric_of(scenario, asked.job, asked.topology);
    auto const known = load_policies(asked.plugins);
    check_names(scenario, asked.job, on, known);
    auto const program = traffic::program_of(scenario.jobs, on, scenario.step_overhead);
    auto phases = phases_of(program);
    auto policy = known.parse(asked.policy);
    planned_job result{{std::move(on), policy.name(), std::move(phases)}, {}, {}, {}, 0, {}};
    for (auto const& job : program.jobs)
        for (auto const& each : job.chosen) result.chosen.push_back(job.name + ": " + each);
    auto& plan = result.what;
    if (policy.looks_ahead())
        timed(result.ahead_ms, [&] {
            policy.plan_ahead(plan.on, strands_of(plan));
            return 0;
        });
    for (auto& each : plan.phases)
        each.paths = timed(result.milliseconds.emplace_back(), [&] { return policy.route(plan.on, each.flows); });
    return result;
}

bool has_fixed_paths(json::job_plan const& plan) { return plan.policy.find("paths=fixed") != std::string::npos; }

planned_job change_plan(job_plan_request const& asked) {
    auto const start = std::chrono::steady_clock::now();
    auto const root = json::read_file(asked.plan);
    planned_job result{json::job_plan_from(json::reader(asked.plan, root)), {}, {}, {}, 0, {}};
    auto& plan = result.what;
    auto const known = known_policies(asked.plugins, asked.plan, plan.policy);
    if (!asked.topology.empty() && read_topology(asked.topology).text() != plan.on.text())
        throw usage_error(fmt::format("{}: /network: should be {}, not {}", asked.plan, asked.topology, plan.on.text()));
    if (asked.fail.empty()) {
        result.milliseconds.assign(plan.phases.size(), 0);
        return result;
    }
    auto const dead = find_links(plan.on, asked.fail);
    if (has_fixed_paths(plan)) {
        let_die(plan.on, dead);
        auto const fixed = timed(result.ahead_ms, [&] { return joint_plan(plan.on, strands_of(plan), 1, paths_of(plan)); });
        for (auto& each : plan.phases) {
            auto paths = timed(result.milliseconds.emplace_back(), [&] { return fixed.paths(each.flows); });
            result.changed.push_back(count_changed(each.paths, paths));
            each.paths = std::move(paths);
        }
    } else {
        for (auto& each : plan.phases) {
            auto after = plan_again(plan.on, dead, known, plan.policy, each.flows, each.paths, result.milliseconds.emplace_back());
            each.paths = std::move(after.paths);
            result.changed.push_back(after.changed_paths);
        }
        let_die(plan.on, dead);
    }
    auto const planning = std::accumulate(result.milliseconds.begin(), result.milliseconds.end(), result.ahead_ms);
    result.load_ms = milliseconds_since(start) - planning;
    return result;
}

/// Whether less arrives than the bound is for: the load then says nothing of how good the plan is. Shares of flows are floats.
bool is_below(double load, double bound) { return load < bound * (1 - 1e-6); }

json::value gap_of(double load, double bound) {
    if (is_below(load, bound)) return nullptr;
    return bound > 0 ? std::max(0.0, load / bound - 1) : 0.0;
}

/// What all phases are together: strands may meet at any of their phases.
json::value together(json::job_plan const& plan) {
    auto const strands = strands_of(plan);
    auto split = false;
    for (auto const& each : plan.phases)
        for (auto const& part : each.paths.subflows()) split = split || part.share != 1.0F || part.route == spread;
    auto const load = joint_load(plan.on, strands, paths_of(plan));
    auto const bound = joint_lower_bound(plan.on, strands, split).load;
    return {{"strands", strands.size()}, {"max_load", load}, {"lower_bound", bound}, {"gap", gap_of(load, bound)}};
}

json::value report(planned_job const& made) {
    auto const& plan = made.what;
    json::value result{{"topology", plan.on.caption()}, {"endpoints", plan.on.endpoints()}, {"policy", plan.policy}};
    result["plan_ms"] = std::accumulate(made.milliseconds.begin(), made.milliseconds.end(), made.ahead_ms);
    if (made.load_ms) result["load_ms"] = *made.load_ms;
    result["together"] = together(plan);
    if (!made.chosen.empty()) result["chosen"] = made.chosen;
    if (!made.changed.empty()) {
        std::size_t sum = 0;
        for (auto const each : made.changed) sum += each;
        result["changed_paths"] = sum;
    }
    auto& phases = result["phases"] = json::value::array();
    for (std::size_t i = 0; i < plan.phases.size(); ++i) {
        auto const& each = plan.phases[i];
        json::value one{{"name", each.name}, {"strand", each.strand}};
        one.update(plan_figures(plan.on, plan.policy, each.flows, each.paths, made.milliseconds[i],
                                made.changed.empty() ? std::nullopt : std::optional(made.changed[i])));
        phases.push_back(std::move(one));
    }
    return result;
}

std::string as_table(json::value const& said) {
    std::vector<std::vector<std::string>> rows{{"PHASE", "FLOWS", "MAX LOAD", "LOWER BOUND", "GAP %", "MEAN RATE %", "MAKESPAN EFF %"}};
    auto const percent = [](json::value const& part) { return part.is_null() ? "-" : fmt::format("{:.1f}", 100 * part.get<double>()); };
    auto const short_text = [](json::value const& number) { return fmt::format("{:.4g}", number.get<double>()); };
    for (auto const& each : said["phases"])
        rows.push_back({each["name"].get<std::string>(), each["flows"].dump(), short_text(each["max_load"]), short_text(each["lower_bound"]),
                        percent(each["gap"]), percent(each["mean_rate"]), percent(each["makespan_efficiency"])});
    auto const& all = said["together"];
    auto text = aligned(rows);
    text += fmt::format("\n{}, {} endpoints, {}, planned in {:.4g} ms. All {} strands at their busiest phases together: maximum load {:.4g},\n"
                        "lower bound {:.4g}, gap {} %.\n",
                        said["topology"].get<std::string>(), said["endpoints"].dump(), said["policy"].get<std::string>(),
                        said["plan_ms"].get<double>(), all["strands"].dump(), all["max_load"].get<double>(),
                        all["lower_bound"].get<double>(), percent(all["gap"]));
    if (said.contains("chosen"))
        for (auto const& each : said["chosen"]) text += "Chosen for " + each.get<std::string>() + "\n";
    std::uint64_t unreachable = 0;
    for (auto const& each : said["phases"]) unreachable += each.value("unreachable", std::uint64_t{0});
    if (unreachable > 0) text += fmt::format("{} flows have no living path; the gap is of the others' load.\n", unreachable);
    if (said.contains("changed_paths")) text += fmt::format("{} paths are other ones than before.\n", said["changed_paths"].dump());
    return text;
}

} // namespace

int plan_job(job_plan_request const& asked) {
    if (!asked.plan.empty() && !asked.job.empty()) throw usage_error("plan: --job makes a plan, --plan starts from one: give one of them");
    if (asked.plan.empty() && !asked.fail.empty()) throw usage_error("plan: --fail needs the --plan that it changes");
    auto made = asked.plan.empty() ? make_plan(asked) : change_plan(asked);
    for (auto& each : made.what.phases) each.certificate = claim_for(made.what.on, each.flows, each.paths);
    if (!asked.out.empty()) write_text(asked.out, json::to_json(made.what).dump() + "\n");
    auto const said = report(made);
    write_text("", asked.as_json ? said.dump(2) + "\n" : as_table(said));
    return fine;
}

json::value plan_figures(topology const& on, std::string const& policy, std::span<flow const> phase, routing const& paths,
                         double milliseconds, std::optional<std::size_t> changed) {
    auto const proof = certify(on, phase, paths);
    auto const times = sim::simulate(on, phase, paths);
    json::value result{{"topology", on.caption()},
                       {"endpoints", on.endpoints()},
                       {"flows", phase.size()},
                       {"policy", policy},
                       {"plan_ms", milliseconds},
                       {"max_load", proof.max_load},
                       {"lower_bound", proof.lower_bound},
                       {"gap", gap_of(proof.max_load, proof.lower_bound)},
                       {"optimal", times.stuck == 0 && !is_below(proof.max_load, proof.lower_bound) && proof.optimal()},
                       {"mean_rate", times.mean_rate},
                       {"makespan_efficiency", times.efficiency()}};
    if (times.stuck > 0) result["unreachable"] = times.stuck;
    if (changed) result["changed_paths"] = *changed;
    result["cut"] = json::cut_in_words(on, claim_of(proof));
    return result;
}

std::string figures_table(json::value const& figures) {
    std::vector<std::vector<std::string>> rows{{"figure", "value"}};
    for (auto const& [key, each] : figures.items())
        rows.push_back({key, key == "cut"             ? fmt::format("{}, {} link{}", each["text"].get<std::string>(), each["links"].dump(), each["links"] == 1 ? "" : "s")
                             : (key == "gap" || key == "mean_rate" || key == "makespan_efficiency") && each.is_number() ? fmt::format("{:.1f} %", 100 * each.get<double>())
                             : each.is_string()         ? each.get<std::string>()
                             : each.is_number_float() ? fmt::format("{:.4g}", each.get<double>())
                                                      : each.dump()});
    return aligned(rows);
}

std::vector<link_id> find_links(topology const& on, std::string const& names) {
    std::vector<link_id> all;
    for (auto const& name : split(names, ',')) all.push_back(on.find_link(name));
    return all;
}

replanned plan_again(topology const& on, std::span<link_id const> dead, policy_catalogue const& known, std::string const& policy,
                     std::span<flow const> phase, routing const& before, double& milliseconds) {
    if (policy.starts_with("nslb") && on.clos() != nullptr && !is_sprayed(before)) {
        kept_plan kept(on, phase, before);
        auto const changed = timed(milliseconds, [&] { return kept.set_cable_health(dead, 0); });
        return {kept.paths(), changed};
    }
    auto after = on;
    let_die(after, dead);
    auto anew = timed(milliseconds, [&] { return known.parse(policy).route(after, phase); });
    auto const changed = count_changed(before, anew);
    return {std::move(anew), changed};
}

} // namespace chorus::tools
