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

std::string requirements_of(catalogue_entry const& entry) {
    auto text = entry.record == nullptr ? std::string("where the MPI library can") : ranks_it_serves(entry);
    if (has_operator(entry.what)) text += entry.keeps_order ? ", any operator" : ", commutative operators only";
    return text;
}

/// Two lines per algorithm: what it requires and costs, and who found it.
std::string as_table(algorithms const& known, std::vector<collective> const& wanted) {
    std::string text;
    for (auto const what : wanted) {
        text += fmt::format("{}\n", name(what));
        for (auto const& each : known.of(what))
            text += fmt::format("  {:<20}{}: {}\n  {:<20}{}\n", each.name, requirements_of(each), each.cost, "",
                                each.source);
    }
    return text + "\np ranks; n: a vector; blocks: one per rank. Rounds: messages that wait for each other; sent and "
                  "reduced: the\n"
                  "most of any rank. What an algorithm does, shows: chorus show COLLECTIVE ALGORITHM --ranks 5\n";
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
    if (!asked.what.empty())
        wanted.push_back(read_collective("COLLECTIVE", asked.what));
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
