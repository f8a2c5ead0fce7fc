/// chorus show: what an algorithm does, as a picture, a table or data.

#include "algorithms.hpp"
#include "command.hpp"
#include "show_elements.hpp"
#include "text.hpp"

#include <chorus/pattern/groups.hpp>
#include <chorus/schedule/print.hpp>
#include <chorus/verify/verify.hpp>

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

namespace chorus::tools {

namespace {

struct show_options {
    std::string what, algorithm;
    std::string ranks = "4";
    std::string root = "0";
    std::string count, segments, groups, rank;
    std::vector<std::string> extra;
    bool in_place = false;
    std::string format = "text";
    std::string out;
    std::vector<std::string> plugins;
};

/// The algorithm with all its options, as one text: what `parse` reads.
std::string algorithm_text(show_options const& asked, int ranks) {
    auto text = asked.algorithm;
    auto const add = [&](std::string const& option) {
        text += (text.find(':') == std::string::npos ? ":" : ",") + option;
    };
    for (auto const& each : asked.extra) {
        if (each.find('=') == std::string::npos) refuse("--option", each, "KEY=VALUE, such as radix=4");
        add(each);
    }
    if (!asked.segments.empty())
        add("segments=" + std::to_string(read_number("--segments", asked.segments, 1, 1'000'000)));
    if (!asked.groups.empty()) add("groups=" + join(split(asked.groups, ','), "+"));
    auto const grouped = text.find("groups=") != std::string::npos || text.find("group_of=") != std::string::npos;
    if (name_of(text) == "hierarchical" && !grouped) { // one group of all would show nothing of the hierarchy
        auto const side = static_cast<int>(std::ceil(std::sqrt(ranks)));
        std::vector<std::string> labels;
        for (auto const group : group_of_equal(ranks, side)) labels.push_back(std::to_string(group));
        add("group_of=" + join(labels, "+"));
    }
    return text;
}

struct shown {
    std::vector<schedule> ranks;
    verdict proof;
};

shown record_and_prove(show_options const& asked, algorithms const& known) {
    call_shape shape;
    shape.what = read_collective("COLLECTIVE", asked.what);
    shape.ranks = static_cast<int>(read_number("--ranks", asked.ranks, 1, 4096));
    shape.root = static_cast<int>(read_number("--root", asked.root, 0, shape.ranks - 1));
    shape.in_place = asked.in_place || shape.what == collective::broadcast;
    auto const& entry = known.at(shape.what, name_of(asked.algorithm));
    if (entry.record == nullptr)
        throw usage_error("'" + std::string(entry.name) + "' is the MPI library's own: there is no schedule to show");
    auto const how = known.parse(algorithm_text(asked, shape.ranks), shape.ranks);
    if (auto const why = entry.refuses != nullptr ? entry.refuses(shape.ranks, how) : std::string_view{}; !why.empty())
        throw usage_error(fmt::format("{} on {} ranks: {}", entry.name, shape.ranks, why));
    shape.segments = std::max(1, how.segments);
    auto ranks = record_all(shape, entry, how);
    auto proof = verify(ranks, {.keeps_order = entry.keeps_order});
    return {std::move(ranks), std::move(proof)};
}

print::drawing_options drawing_of(verdict const& proof) {
    print::drawing_options how;
    if (!proof.correct) how.mark = {proof.faulty_rank, proof.faulty_step, proof.explanation};
    return how;
}

/// Of the table of all ranks, the heading and the section of one.
std::string section_of(std::string const& table, int rank) {
    auto const heading = table.substr(0, table.find("\n\nrank "));
    auto const begin = table.find(fmt::format("\n\nrank {}\n", rank));
    auto const end = table.find("\n\nrank ", begin + 1);
    return heading + table.substr(begin, end == std::string::npos ? end : end + 1 - begin);
}

std::string as_text(shown const& what, bool diagram, std::optional<int> rank, std::optional<std::size_t> count) {
    auto const table = print::table(what.ranks);
    std::string text;
    if (diagram) text += print::space_time_text(what.ranks, drawing_of(what.proof)) + "\n";
    text += rank ? section_of(table, *rank) : table;
    if (count) text += "\n" + elements_as_text(what.ranks, *count, rank);
    return text;
}

int run(show_options const& asked) {
    enum { text, svg, table, dot, json };
    auto const format = read_name("--format", asked.format, {"text", "svg", "table", "dot", "json"});
    auto const what = record_and_prove(asked, algorithms(asked.plugins));
    std::optional<std::size_t> count;
    std::optional<int> rank;
    if (!asked.count.empty())
        count = static_cast<std::size_t>(read_number("--count", asked.count, 0, 1'000'000'000'000));
    if (!asked.rank.empty())
        rank = static_cast<int>(read_number("--rank", asked.rank, 0, static_cast<int>(what.ranks.size()) - 1));
    if ((count || rank) && (format == svg || format == dot))
        throw usage_error(
            "--count and --rank: pictures show all ranks and any count; allowed with --format text, table, json");

    if (format == svg)
        write_text(asked.out, print::space_time_svg(what.ranks, drawing_of(what.proof)));
    else if (format == dot)
        write_text(asked.out, print::dot(what.ranks));
    else if (format == json)
        write_text(asked.out, elements_as_json(what.ranks, count, rank));
    else
        write_text(asked.out, as_text(what, format == text, rank, count));
    if (what.proof.correct) return fine;
    fmt::print(stderr, "chorus: {} {} is wrong: {}\n", asked.what, asked.algorithm, what.proof.explanation);
    return wrong_result;
}

} // namespace

command add_show(CLI::App& app) {
    auto asked = std::make_shared<show_options>();
    auto* const sub = app.add_subcommand("show", "An algorithm's schedule: who sends what to whom, and when");
    sub->footer("Example: chorus show all_reduce ring --ranks 5");
    add_text(*sub, "COLLECTIVE", asked->what, "Such as all_reduce", "NAME")->required();
    add_text(*sub, "ALGORITHM", asked->algorithm, "Such as ring, or with options bruck:radix=4", "NAME")->required();
    add_text(*sub, "--ranks", asked->ranks, "How many", "P");
    add_text(*sub, "--root", asked->root, "Of broadcast, reduce, gather, scatter", "R");
    add_text(*sub, "--count", asked->count, "Also say which elements, of vectors or blocks of N", "N");
    add_text(*sub, "--groups", asked->groups, "hierarchical: sizes of the groups", "2,3");
    sub->add_option("--option", asked->extra, "An option of the algorithm; may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all()
        ->allow_extra_args(false);
    add_text(*sub, "--segments", asked->segments, "Cut every message into K", "K");
    sub->add_flag("--in-place", asked->in_place, "The caller's output holds the input");
    add_text(*sub, "--rank", asked->rank, "The steps of this rank only", "R");
    add_text(*sub, "--format", asked->format, "text (diagram and table), table, svg, dot or json", "FORMAT");
    add_text(*sub, "--out", asked->out, "Write to a file", "FILE");
    add_plugins(*sub, asked->plugins);
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
