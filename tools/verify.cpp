/// chorus verify: the proof that algorithms are right, or an explanation of what is wrong.

#include "algorithms.hpp"
#include "command.hpp"
#include "proof.hpp"
#include "text.hpp"

#include <chorus/schedule/print/space_time_svg.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>

namespace chorus::tools {

namespace {

struct verify_options {
    std::string what, algorithm;
    std::string max_ranks = "16";
    std::string format = "table";
    std::string drawing;
    std::vector<std::string> plugins;
};

std::vector<catalogue_entry> wanted_entries(verify_options const& asked, algorithms const& known) {
    std::vector<catalogue_entry> wanted;
    auto const add = [&](catalogue_entry const& entry) {
        if (entry.record != nullptr) wanted.push_back(entry);
    };
    if (asked.what.empty()) {
        for (auto const& each : names_of_collectives())
            for (auto const& entry : known.of(*collective_named(each))) add(entry);
    } else {
        auto const what = read_collective("COLLECTIVE", asked.what);
        if (asked.algorithm.empty())
            for (auto const& entry : known.of(what)) add(entry);
        else
            add(known.at(what, asked.algorithm));
    }
    if (wanted.empty())
        throw usage_error("'" + asked.algorithm + "' is the MPI library's own: there is no schedule to be proven");
    return wanted;
}

std::string order_of(proof_result const& each) {
    if (!has_operator(each.entry.what)) return "-";
    return each.entry.keeps_order ? "kept" : "free";
}

std::string as_table(std::vector<proof_result> const& results) {
    std::vector<std::vector<std::string>> rows{{"COLLECTIVE", "ALGORITHM", "SHAPES", "ORDER", "ROUNDS", "MESSAGES",
                                                "SENT", "REDUCED", "FORMULA", "ROUNDINGS", "LEVEL", "OK"}};
    for (auto const& each : results) {
        std::vector<std::string> row{std::string(name(each.entry.what)), std::string(each.entry.name),
                                     std::to_string(each.shapes), order_of(each)};
        auto const rest = each.wrong
                              ? std::vector<std::string>(7, "-")
                              : std::vector<std::string>{
                                    std::to_string(each.cost.rounds),       std::to_string(each.cost.messages),
                                    fmt::format("{:.2f}", each.cost.sent),  fmt::format("{:.2f}", each.cost.reduced),
                                    each.has_formula ? "equal" : "counted", std::to_string(each.roundings),
                                    std::to_string(each.determinism_level)};
        row.insert(row.end(), rest.begin(), rest.end());
        row.emplace_back(each.wrong ? "WRONG" : "yes");
        rows.push_back(std::move(row));
    }
    return aligned(rows);
}

nlohmann::ordered_json as_json(proof_result const& each) {
    nlohmann::ordered_json result{{"collective", name(each.entry.what)},
                                  {"algorithm", each.entry.name},
                                  {"correct", !each.wrong},
                                  {"shapes", each.shapes},
                                  {"most_ranks", each.most_ranks},
                                  {"keeps_order", each.keeps_order},
                                  {"rounds", each.cost.rounds},
                                  {"messages", each.cost.messages},
                                  {"sent", each.cost.sent},
                                  {"reduced", each.cost.reduced},
                                  {"formula", each.has_formula ? "equal" : "counted"},
                                  {"roundings", each.roundings},
                                  {"determinism_level", each.determinism_level}};
    if (!each.wrong) return result;
    result["where"] = each.wrong->where;
    result["explanation"] = each.wrong->found.explanation;
    result["faulty_rank"] = each.wrong->found.faulty_rank;
    result["faulty_step"] = each.wrong->found.faulty_step;
    return result;
}

/// The drawing of the first wrong algorithm that could be recorded.
void draw(std::vector<proof_result> const& results, std::string const& file) {
    for (auto const& each : results) {
        if (!each.wrong || each.wrong->schedules.empty()) continue;
        print::drawing_options how;
        how.subtitle = each.wrong->where;
        how.mark = {each.wrong->found.faulty_rank, each.wrong->found.faulty_step, each.wrong->found.explanation};
        return write_text(file, print::space_time_svg(each.wrong->schedules, how));
    }
}

void show_progress(double share) {
    static int shown = -1;
    auto const percent = static_cast<int>(100 * share);
    if (percent == shown) return;
    shown = percent;
    fmt::print(stderr, "\rproving: {:3} %", percent);
}

int run(verify_options const& asked) {
    auto const format = read_name("--format", asked.format, {"table", "json"});
    auto const most = static_cast<int>(read_number("--max-ranks", asked.max_ranks, 1, 512));
    auto const entries = wanted_entries(asked, algorithms(asked.plugins));
    std::vector<int> ranks(static_cast<std::size_t>(most)); // few first
    std::iota(ranks.begin(), ranks.end(), 1);
    auto const start = std::chrono::steady_clock::now();
    auto const watched = errors_go_to_terminal();
    auto const results = prove(entries, ranks, [&](double share) {
        if (watched) show_progress(share);
    });
    if (watched) fmt::print(stderr, "\r               \r");
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;

    std::size_t shapes = 0;
    auto list = nlohmann::ordered_json::array();
    for (auto const& each : results) shapes += each.shapes, list.push_back(as_json(each));
    auto const wrong =
        std::count_if(results.begin(), results.end(), [](auto const& each) { return each.wrong.has_value(); });
    if (format == 1)
        write_text("", nlohmann::ordered_json{{"max_ranks", most},
                                              {"shapes", shapes},
                                              {"seconds", took.count()},
                                              {"correct", wrong == 0},
                                              {"algorithms", list}}
                               .dump(2) +
                           "\n");
    else
        write_text("", fmt::format("{}\n{} algorithms on 1 to {} ranks, {} shapes: {} wrong, {:.1f} s\n",
                                   as_table(results), results.size(), most, shapes,
                                   wrong == 0 ? "none" : std::to_string(wrong), took.count()));
    for (auto const& each : results)
        if (each.wrong) fmt::print(stderr, "chorus: {}: {}\n", each.wrong->where, each.wrong->found.explanation);
    if (!asked.drawing.empty()) draw(results, asked.drawing);
    return wrong == 0 ? fine : wrong_result;
}

} // namespace

command add_verify(CLI::App& app) {
    auto asked = std::make_shared<verify_options>();
    auto* const sub = app.add_subcommand("verify", "The proof that algorithms are right, or what is wrong with them");
    sub->footer(
        "Proven for every number of elements: the result, operand order, no deadlock; all roots, in place and\n"
        "not, cut messages, groupings. ROUNDS to REDUCED: counted at the most ranks, and equal to the catalogue's\n"
        "formula everywhere. LEVEL: 2 same bits on all ranks and in every run, 3 one fixed tree, 4 nothing rounds.");
    add_text(*sub, "COLLECTIVE", asked->what, "Only those of one collective", "NAME");
    add_text(*sub, "ALGORITHM", asked->algorithm, "Only this one", "NAME");
    add_text(*sub, "--max-ranks", asked->max_ranks, "On 1 to P ranks", "P");
    add_text(*sub, "--format", asked->format, "table or json", "FORMAT");
    add_text(*sub, "--drawing", asked->drawing, "If one is wrong: draw it, with the faulty step marked", "FILE.svg");
    add_plugins(*sub, asked->plugins);
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
