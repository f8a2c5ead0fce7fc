/// chorus list: the catalogue.

#include "algorithms.hpp"
#include "command.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace chorus::tools {

namespace {

struct list_options {
    std::string what;
    std::string format = "table";
    std::vector<std::string> plugins;
};

std::string order_of(catalogue_entry const& entry) {
    if (!has_operator(entry.what)) return "-";
    return entry.keeps_order ? "kept" : "free";
}

std::string as_table(algorithms const& known, std::vector<collective> const& wanted) {
    std::vector<std::vector<std::string>> rows{{"COLLECTIVE", "ALGORITHM", "RANKS", "ORDER", "COST", "SOURCE"}};
    for (auto const what : wanted)
        for (auto const& each : known.of(what))
            rows.push_back({std::string(name(what)), std::string(each.name), ranks_it_serves(each), order_of(each),
                            std::string(each.cost), std::string(each.source)});
    return aligned(rows) + "\np ranks; n: a vector; blocks: one per rank. Rounds are messages that wait for each other; sent and\n"
                           "reduced are the most of any rank. Order: 'kept' serves operators that do not commute, 'free' does not.\n";
}

std::string as_json(algorithms const& known, std::vector<collective> const& wanted) {
    auto list = nlohmann::ordered_json::array();
    for (auto const what : wanted)
        for (auto const& each : known.of(what))
            list.push_back({{"collective", name(what)},
                            {"algorithm", each.name},
                            {"ranks", ranks_it_serves(each)},
                            {"keeps_order", each.keeps_order},
                            {"schedule", each.record != nullptr},
                            {"forwards_blocks", each.forwards_blocks},
                            {"cost", each.cost},
                            {"source", each.source}});
    return nlohmann::ordered_json{{"version", CHORUS_VERSION}, {"algorithms", list}}.dump(2) + "\n";
}

int run(list_options const& asked) {
    auto const format = read_name("--format", asked.format, {"table", "json"});
    std::vector<collective> wanted;
    if (!asked.what.empty()) wanted.push_back(read_collective("COLLECTIVE", asked.what));
    else
        for (auto const& each : names_of_collectives()) wanted.push_back(*collective_named(each));
    algorithms const known(asked.plugins);
    write_text("", format == 0 ? as_table(known, wanted) : as_json(known, wanted));
    return fine;
}

} // namespace

command add_list(CLI::App& app) {
    auto asked = std::make_shared<list_options>();
    auto* const sub = app.add_subcommand("list", "The algorithms: what they require and what they cost");
    add_text(*sub, "COLLECTIVE", asked->what, "Only those of one collective, such as all_reduce", "NAME");
    add_text(*sub, "--format", asked->format, "table or json", "FORMAT");
    add_plugins(*sub, asked->plugins);
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
