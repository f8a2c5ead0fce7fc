/// The command `chorus`: what exists, how it works, whether it is right, and how fast it is.

#include "command.hpp"
#include "launch.hpp"

#include <chorus/core/errors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace chorus::tools {

CLI::Option* add_plugins(CLI::App& to, std::vector<std::string>& paths) {
    return to.add_option("--plugin", paths, "Algorithms of your own: a shared object (chorus/plugin.hpp)")
        ->type_name("FILE.so")
        ->take_all()
        ->allow_extra_args(false);
}

namespace {

/// One line, said by one rank.
int complain(std::string text, status how) {
    if (text.rfind("chorus: ", 0) == 0) text.erase(0, 8);
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (is_first_rank()) fmt::print(stderr, "chorus: {}\n", text);
    // A launcher ends the others as soon as one fails: let the rank that speaks finish.
    return is_first_rank() ? how : fine;
}

std::string options_of(CLI::App const& sub) {
    std::string names;
    for (auto const* each : sub.get_options())
        if (!each->get_lnames().empty()) names += (names.empty() ? "--" : ", --") + each->get_lnames().front();
    return names;
}

/// What CLI11 has found wrong, and what would be right.
std::string explain(CLI::App& app, CLI::ParseError const& problem) {
    auto const chosen = app.get_subcommands();
    if (chosen.empty()) {
        auto const rest = app.remaining();
        return (rest.empty() ? std::string("no command given") : "'" + rest.front() + "' is no command") +
               "; allowed are list, show, verify, bench, run, plan, simulate, tune, devices (each with --help)";
    }
    auto& sub = *chosen.front();
    auto const rest = app.remaining(true);
    if (dynamic_cast<CLI::ExtrasError const*>(&problem) != nullptr && !rest.empty()) {
        auto const is_option = rest.front().rfind('-', 0) == 0;
        return sub.get_name() + ": '" + rest.front() + "' is not allowed; allowed are " +
               (is_option ? options_of(sub) : "no more arguments than chorus " + sub.get_name() + " --help names");
    }
    return sub.get_name() + ": " + problem.what() + " (see chorus " + sub.get_name() + " --help)";
}

status status_of(std::exception const& problem) {
    return dynamic_cast<usage_error const*>(&problem) != nullptr ? wrong_usage : wrong_environment;
}

std::string text_of(std::exception const& problem) {
    return dynamic_cast<std::bad_alloc const*>(&problem) != nullptr ? "out of memory" : problem.what();
}

/// Errors of a rank arrive wrapped: what counts is what is inside. Whose mistake a wrong option was, does not matter.
int report(std::exception const& problem) {
    try {
        std::rethrow_if_nested(problem);
    } catch (usage_error const& inner) {
        return complain(inner.what(), wrong_usage);
    } catch (std::exception const& inner) {
        return complain(text_of(problem), status_of(inner));
    } catch (...) {
    }
    return complain(text_of(problem), status_of(problem));
}

int run(int argc, char** argv) {
    CLI::App app("Chorus: collective communication, written once, run, proven, drawn and measured.", "chorus");
    app.set_version_flag("--version", "chorus " CHORUS_VERSION);
    app.require_subcommand(1);
    std::vector<std::pair<char const*, command>> const commands{
        {"list", add_list(app)}, {"show", add_show(app)}, {"verify", add_verify(app)}, {"bench", add_bench(app)},
        {"run", add_run(app)},   {"plan", add_plan(app)}, {"simulate", add_simulate(app)}, {"tune", add_tune(app)},
        {"devices", add_devices(app)}};
    try {
        app.parse(argc, argv);
        for (auto const& [name, command] : commands)
            if (app.got_subcommand(name)) return command();
    } catch (CLI::Success const& asked_for_help) {
        return app.exit(asked_for_help);
    } catch (CLI::ParseError const& problem) {
        return complain(explain(app, problem), wrong_usage);
    } catch (std::exception const& problem) {
        return report(problem);
    }
    return fine;
}

} // namespace
} // namespace chorus::tools

int main(int argc, char** argv) { return chorus::tools::run(argc, argv); }
