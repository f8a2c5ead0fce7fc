/// chorus simulate: jobs on a fabric under several path policies, side by side.

#include "simulate.hpp"
#include "command.hpp"
#include "policies.hpp"
#include "text.hpp"
#include "topology.hpp"

#include <chorus/network/file.hpp>
#include <chorus/paths/mapping.hpp>
#include <chorus/sim/timeline.hpp>
#include <chorus/traffic/jobs.hpp>
#include <chorus/json/scenario.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <variant>

namespace chorus::tools {

namespace {

struct simulate_options {
    std::string topology, job, policies, placement, mapping, out;
    std::string format = "table";
    std::vector<std::string> fail, plugins;
};

constexpr std::size_t most_loads = 64; // phases whose link loads are kept for the page

/// "ecmp:seed=1,hash=xor,nslb" names two policies: what has '=' but no ':' belongs to the one before.
std::vector<std::string> policies_in(std::string const& text) {
    std::vector<std::string> all;
    for (auto const& word : split(text, ',')) {
        auto const option = word.find('=') != std::string::npos && word.find(':') == std::string::npos;
        if (option && !all.empty()) all.back() += "," + word;
        else all.push_back(word);
    }
    return all;
}

sim::run_options options_of(traffic::scenario const& from, topology const& on) {
    sim::run_options options;
    options.how = {from.payload, from.utilisation, from.convergence};
    options.step_overhead = from.step_overhead;
    options.reroute_after = from.reroute_after;
    for (auto const& each : from.links)
        if (each.time > 0) options.events.push_back({each.time, on.find_link(each.link), each.health, true});
    return options;
}

/// What links are like from the beginning, so that everything that is said of the fabric says so.
void let_begin(topology& on, traffic::scenario const& from, std::vector<std::string> const& fail) {
    for (auto const& each : from.links)
        if (each.time == 0) on.set_cable_health(on.find_link(each.link), each.health);
    for (auto const& each : fail) on.set_cable_health(on.find_link(each), 0);
}

phase_load load_of(topology const& on, load_cells const& cells, std::span<flow const> flows, routing const& paths) {
    std::vector<double> bytes(on.hops());
    hop_buffer buffer;
    for (std::size_t i = 0; i < paths.size(); ++i)
        for (auto const hop : paths.hops(on, flows, i, buffer))
            bytes[hop] += static_cast<double>(paths[i].share) * static_cast<double>(flows[paths[i].flow].bytes);
    for (hop_id hop = on.links(); hop < on.hops(); ++hop) { // what is spread over links counts on each
        if (bytes[hop] == 0) continue;
        auto const bundle = on.bundle(hop);
        for (std::uint32_t k = 0; k < bundle.size(); ++k) bytes[bundle.link(k)] += bytes[hop] / bundle.size();
    }
    phase_load result{std::vector<float>(cells.links_in.size()), std::vector<float>(cells.links_in.size())};
    for (link_id l = 0; l < on.links(); ++l) {
        auto const cell = cells.cell_of[l];
        auto const seconds = on.rate(l) > 0 ? bytes[l] / on.rate(l) : 0.0;
        result.mean[cell] += static_cast<float>(seconds / cells.links_in[cell]);
        result.most[cell] = std::max(result.most[cell], static_cast<float>(seconds));
    }
    return result;
}

void show_progress(std::string const& policy, double share) {
    static int shown = -1;
    auto const percent = static_cast<int>(100 * share);
    if (percent == shown) return;
    shown = percent;
    fmt::print(stderr, "\r{}: {:3} % ", policy, percent);
}

simulated simulate_under(simulation const& all, policy_catalogue const& known, std::string const& text, sim::run_options options, bool with_loads) {
    simulated result;
    auto policy = known.parse(text);
    result.policy = text;
    auto const start = std::chrono::steady_clock::now();
    if (with_loads) options.loads = &result.over_time.emplace(all.on, all.cells.cell_of, static_cast<std::uint32_t>(all.cells.links_in.size()));
    auto const watched = errors_go_to_terminal();
    if (watched) options.progress = [&](double, double share) { show_progress(text, share); };
    auto const watch = [&](sim::phase_record const&, topology const& on, std::span<flow const> flows, routing const& paths) {
        if (with_loads && result.loads.size() < most_loads) result.loads.push_back(load_of(on, all.cells, flows, paths));
    };
    result.record = sim::run(all.on, all.program, std::move(policy), std::move(options), watch);
    if (watched) fmt::print(stderr, "\r{:40}\r", "");
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
    result.wall = took.count();
    for (std::uint32_t j = 0; j < all.program.jobs.size(); ++j) result.jobs.push_back(report::figures(all.program, result.record, j));
    return result;
}

std::string percent(double part) { return fmt::format("{:.1f}", 100 * part); }

std::size_t changes_later(traffic::scenario const& of) {
    return static_cast<std::size_t>(std::count_if(of.links.begin(), of.links.end(), [](auto const& each) { return each.time > 0; }));
}

std::string as_table(simulation const& all) {
    std::vector<std::vector<std::string>> rows{{"JOB", "POLICY", "ITERATION ms", "GAIN %", "COMPUTE ms", "EXPOSED ms", "LINEAR %", "MFU %",
                                                "MAKESPAN EFF %", "MEAN RATE %", "SLOWEST %"}};
    for (std::size_t j = 0; j < all.program.jobs.size(); ++j)
        for (auto const& each : all.policies) {
            auto const& f = each.jobs[j];
            if (f.stuck) {
                rows.push_back({all.program.jobs[j].name, each.policy, "stuck", "-", "-", "-", "-", "-", "-", "-", "-"});
                continue;
            }
            auto const first = all.policies.front().jobs[j].iteration;
            auto const trains = f.compute > 0;
            rows.push_back({all.program.jobs[j].name, each.policy, fmt::format("{:.3f}", 1e3 * f.iteration),
                            f.iteration > 0 && first < sim::never ? fmt::format("{:+.1f}", 100 * (first / f.iteration - 1)) : "-",
                            fmt::format("{:.3f}", 1e3 * f.compute), fmt::format("{:.3f}", 1e3 * f.exposed), trains ? percent(f.speed_up) : "-",
                            f.mfu > 0 ? percent(f.mfu) : "-", percent(f.efficiency), percent(f.mean_rate), percent(f.slowest_rate)});
        }
    auto text = aligned(rows);
    text += fmt::format("\n{}, {} endpoints. GAIN: iterations per second against {}. MAKESPAN EFF: the ideal time of all transfers at line rate over their\n"
                        "time; MEAN RATE, SLOWEST: of a flow, at the beginning of its phase, of what an empty network would give it. 100 % is line rate.\n",
                        all.on.caption(), all.on.endpoints(), all.policies.front().policy);
    if (auto const later = changes_later(all.scenario); later > 0) text += fmt::format("{} change{} of links on the way.\n", later, later == 1 ? "" : "s");
    if (auto const& a = all.scenario.availability; a.between > 0)
        text += fmt::format("Availability {:.2f} %.\n", 100 * report::availability(a.interval, a.repair, a.between));
    for (auto const& each : all.mappings)
        text += fmt::format("Mapping of {}: {}, innermost first; {:.4g} link-seconds of traffic.\n", each.job, each.order, each.cost);
    for (auto const& each : all.program.jobs)
        for (auto const& what : each.chosen) text += fmt::format("Chosen for {}: {}\n", each.name, what);
    for (auto const& each : all.scenario.assumptions) text += "Assumed: " + each + "\n";
    return text;
}

/// Orders the dimensions of every training job: without regard to the fabric, or by cost over its tiers (FSPF).
std::vector<job_mapping> map_jobs(std::string const& how, traffic::scenario& of, topology const& on) {
    auto const cheapest = read_name("--mapping", how, {"naive", "fspf"}) == 1;
    std::vector<job_mapping> all;
    for (auto& each : of.jobs) {
        auto* const t = std::get_if<traffic::training>(&each.what);
        if (t == nullptr) continue;
        auto places = parse_placement(each.placement, on, each.said_in);
        auto const ranks = static_cast<std::size_t>(t->how.ranks());
        if (each.first + ranks > places.size()) continue; // program_of says so
        places.erase(places.begin(), places.begin() + each.first);
        auto const orders = map_groups(on, places, t->how, bytes_sent(*t, on));
        auto const chosen = cheapest ? orders.begin() : std::find_if(orders.begin(), orders.end(), [](mapping const& m) { return m.order == naive_order; });
        t->how.order = chosen->order;
        all.push_back({each.name, chosen->order, chosen->cost});
    }
    return all;
}

int run(simulate_options const& asked) {
    auto const format = read_name("--format", asked.format, {"table", "json", "html"});
    if (asked.job.empty()) refuse("--job", "", "a file with jobs, such as examples/network/two-jobs.json");
    auto const known = load_policies(asked.plugins);
    auto scenario = traffic::read_scenario(asked.job);
    for (auto const& each : scenario.warnings) fmt::print(stderr, "chorus: warning: {}\n", each);
    auto on = fabric_of(scenario, asked.job, asked.topology);
    auto const wanted = !asked.policies.empty()      ? policies_in(asked.policies)
                        : !scenario.policies.empty() ? scenario.policies
                                                     : policies_in("ecmp,spray,greedy,nslb");
    check_names(scenario, asked.job, on, known);
    let_begin(on, scenario, asked.fail);
    if (!asked.placement.empty())
        for (auto& each : scenario.jobs) each.placement = asked.placement, each.said_in.clear();
    simulation all{asked.job, std::move(scenario), std::move(on), {}, {}, {}, {}};
    if (!asked.mapping.empty()) all.mappings = map_jobs(asked.mapping, all.scenario, all.on);
    all.program = traffic::program_of(all.scenario.jobs, all.on, all.scenario.step_overhead);
    all.cells = cells_of(all.on);
    auto const options = options_of(all.scenario, all.on);
    for (auto const& each : wanted) all.policies.push_back(simulate_under(all, known, each, options, format != 0));
    write_text(asked.out, format == 0 ? as_table(all) : format == 1 ? as_json(all, false).dump(2) + "\n" : as_page(all));
    auto ended = true;
    for (auto const& each : all.policies)
        for (auto const a : each.record.stuck) {
            ended = false;
            fmt::print(stderr, "chorus: {}: {} never ends: a flow has no living path\n", each.policy, all.program.activities[a].name);
        }
    return ended ? fine : wrong_result;
}

} // namespace

command add_simulate(CLI::App& app) {
    auto asked = std::make_shared<simulate_options>();
    auto* const sub = app.add_subcommand("simulate", "Jobs on a fabric under several path policies, side by side");
    sub->footer("Fluid (max-min) simulation: what that leaves out, and how wrong it is, is in docs/simulation.md; the schema of jobs in\n"
                "docs/schemas/job.md. Policies: " + std::string(policy_names) + ". Ready scenarios are in examples/network/.");
    add_text(*sub, "--topology", asked->topology, "Such as fat-tree:k=16; the job's file may name one", "TEXT");
    add_text(*sub, "--job", asked->job, "The jobs", "FILE.json");
    add_text(*sub, "--policies", asked->policies, "Such as ecmp:seed=1,spray,greedy,nslb", "LIST");
    add_text(*sub, "--placement", asked->placement, "Instead of the jobs' own: linear, rail, random:seed=1", "TEXT");
    add_text(*sub, "--mapping", asked->mapping, "Of training jobs' dimensions to ranks: naive, fspf (cheapest)", "TEXT");
    sub->add_option("--fail", asked->fail, "A link that is dead from the beginning, by name or number")->type_name("LINK");
    add_text(*sub, "--format", asked->format, "table, json or html", "FORMAT");
    add_text(*sub, "--out", asked->out, "Write there instead of to standard output", "FILE");
    add_plugins(*sub, asked->plugins);
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
