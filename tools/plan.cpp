/// chorus plan: paths for traffic on a fabric, how good they are, and what changes when links die.

#include "command.hpp"
#include "plan_export.hpp"
#include "plan_job.hpp"
#include "policies.hpp"
#include "text.hpp"
#include "topology.hpp"

#include <chorus/json/plan.hpp>
#include <chorus/network/demand.hpp>

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace chorus::tools {

namespace {

struct plan_options {
    std::string topology_text, traffic = "permutation:seed=1", policy = "nslb";
    std::string job, plan, fail, exported;
    std::string format = "table";
    std::string out;
    std::vector<std::string> plugins;
    bool check = false;
};

/// A plan, how long it took, how many paths of an earlier one it changed, and how long it took to read that and to take it over.
struct planned {
    json::plan what;
    double milliseconds = 0;
    std::optional<std::size_t> changed = {};
    std::optional<double> load_milliseconds = {};
};

planned make_plan(plan_options const& asked) {
    auto on = read_topology(asked.topology_text);
    auto phase = parse_demand(asked.traffic, on);
    auto policy = load_policies(asked.plugins).parse(asked.policy);
    planned result{{std::move(on), policy.name(), std::move(phase), {}}};
    result.what.paths = timed(result.milliseconds, [&] { return policy.route(result.what.on, result.what.phase); });
    return result;
}

planned change_plan(plan_options const& asked) {
    auto const start = std::chrono::steady_clock::now();
    planned result{json::load_plan(asked.plan)};
    auto& plan = result.what;
    auto const known = known_policies(asked.plugins, asked.plan, plan.policy);
    if (!asked.topology_text.empty() && read_topology(asked.topology_text).text() != plan.on.text())
        throw usage_error(
            fmt::format("{}: /network: should be {}, not {}", asked.plan, asked.topology_text, plan.on.text()));
    if (asked.fail.empty()) return result;
    auto const dead = find_links(plan.on, asked.fail);
    auto after = plan_again(plan.on, dead, known, plan.policy, plan.phase, plan.paths, result.milliseconds);
    let_die(plan.on, dead);
    plan.paths = std::move(after.paths);
    result.changed = after.changed_paths;
    result.load_milliseconds = milliseconds_since(start) - result.milliseconds;
    return result;
}

int run(plan_options const& asked) {
    enum { table, json_format };
    auto const format = read_name("--format", asked.format, {"table", "json"});
    if (asked.check && (asked.plan.empty() || !asked.fail.empty() || !asked.out.empty() || !asked.exported.empty()))
        throw usage_error("plan: --check is for a --plan as it is");
    if (asked.check) return check_plan(asked.plan);
    auto const is_job = !asked.job.empty() || is_job_plan(asked.plan);
    if (is_job && !asked.exported.empty())
        throw usage_error("plan: --export is for a plan of one phase: --traffic instead of --job; --out writes the paths of all phases of a job as JSON");
    if (is_job)
        return plan_job({asked.topology_text, asked.job, asked.policy, asked.plan, asked.fail, asked.out, asked.plugins, format == json_format});
    if (asked.plan.empty() && asked.topology_text.empty()) throw usage_error("plan: --topology, --job or --plan is needed");
    if (asked.plan.empty() && !asked.fail.empty()) throw usage_error("plan: --fail needs the --plan that it changes");
    auto made = asked.plan.empty() ? make_plan(asked) : change_plan(asked);
    made.what.certificate = claim_for(made.what.on, made.what.phase, made.what.paths);
    auto const exported = asked.exported.empty() ? std::string{} : export_plan(made.what, asked.exported);
    if (!asked.out.empty())
        write_text(asked.out, asked.exported.empty() ? json::to_json(made.what).dump() + "\n" : exported);
    if (asked.out.empty() && !asked.exported.empty()) {
        write_text("", exported);
        return fine;
    }
    auto figures =
        plan_figures(made.what.on, made.what.policy, made.what.phase, made.what.paths, made.milliseconds, made.changed);
    if (made.load_milliseconds) figures["load_ms"] = *made.load_milliseconds;
    write_text("", format == table ? figures_table(figures) : figures.dump(2) + "\n");
    return fine;
}

} // namespace

command add_plan(CLI::App& app) {
    auto asked = std::make_shared<plan_options>();
    auto* const sub = app.add_subcommand("plan", "Paths for traffic on a fabric, with a proof of how good they are");
    sub->footer("Example: chorus plan --topology fat-tree:k=16 --traffic permutation:seed=1 --policy nslb");
    add_text(*sub, "--topology", asked->topology_text, "Such as fat-tree:k=8, or a file: .json, .topo (htsim)", "TOPOLOGY");
    add_text(*sub, "--traffic", asked->traffic, "Such as permutation:seed=1, shift:by=8", "TRAFFIC");
    add_text(*sub, "--job", asked->job, "Instead of --traffic: all phases of the jobs in a file", "FILE.json");
    add_text(*sub, "--policy", asked->policy, "Such as nslb, ecmp:seed=1, greedy", "POLICY");
    add_text(*sub, "--plan", asked->plan, "Start from a plan that --out has written", "FILE");
    add_text(*sub, "--fail", asked->fail, "With --plan: links that die, by name or number", "LINK[,LINK]");
    sub->add_flag("--check", asked->check, "With --plan: whether its paths and its certificate are right; exit status 1 if not");
    add_text(*sub, "--export", asked->exported, "Instead of figures: rules, ports, srv6", "WHAT");
    add_text(*sub, "--format", asked->format, "table or json", "FORMAT");
    add_text(*sub, "--out", asked->out, "Write the plan (or what --export names) to a file", "FILE");
    add_plugins(*sub, asked->plugins);
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
