/// chorus run: starts a program as the ranks of one job on this host.

#include "command.hpp"
#include "run/ranks.hpp"
#include "text.hpp"

#include <memory>
#include <string>
#include <vector>

namespace chorus::tools {

namespace {

struct run_texts {
    std::string ranks = "2";
    std::vector<std::string> program;
};

int run(run_texts const& asked) {
    auto const ranks = static_cast<int>(read_number("--ranks", asked.ranks, 1, 1024));
    return run_ranks(ranks, asked.program);
}

} // namespace

command add_run(CLI::App& app) {
    auto asked = std::make_shared<run_texts>();
    auto* const sub = app.add_subcommand("run", "Starts a program as the ranks of one job on this host");
    sub->footer("Example: chorus run -n 4 ./program its arguments\n"
                "The program finds the others by chorus::session (chorus/runtime/session.hpp). Status: 0 if all ranks ended\n"
                "with 0, otherwise that of the first that did not, or 128 + signal.");
    add_text(*sub, "-n,--ranks", asked->ranks, "How many", "P");
    sub->add_option("program", asked->program, "What to start, with its arguments")->type_name("PROGRAM ARGS")->required();
    sub->prefix_command(); // what follows the program's name belongs to it
    sub->positionals_at_end();
    return [asked, sub] {
        auto whole = *asked;
        for (auto const& each : sub->remaining()) whole.program.push_back(each);
        return run(whole);
    };
}

} // namespace chorus::tools
