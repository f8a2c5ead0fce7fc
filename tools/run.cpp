/// chorus run: starts a program as the ranks of one job on this host, or as some of those of a larger one.

#include "command.hpp"
#include "run/ranks.hpp"
#include "text.hpp"

#include <chorus/transport/detail/tcp_socket.hpp>

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace chorus::tools {

namespace {

struct run_texts {
    std::string ranks = "2", first = "0", of, store, input = "0", grace = "2";
    std::vector<std::string> program;
};

int read_input(std::string const& text, int of) {
    if (text == "none") return ranks_here::nobody;
    if (text == "all") return ranks_here::everybody;
    if (text.find_first_not_of("0123456789") != std::string::npos) refuse("--stdin", text, "none, all, or a rank");
    return static_cast<int>(read_number("--stdin", text, 0, of - 1));
}

int run(run_texts const& asked) {
    auto const ranks = static_cast<int>(read_number("--ranks", asked.ranks, 1, 1024));
    auto const first = static_cast<int>(read_number("--first", asked.first, 0, 1'000'000));
    auto const of = asked.of.empty() ? first + ranks : static_cast<int>(read_number("--of", asked.of, 1, 1'000'000));
    if (first + ranks > of) throw usage_error(fmt::format("run: ranks {} to {} are not among {}", first, first + ranks - 1, of));
    if (asked.store.empty() && ranks < of) throw usage_error("run: ranks on several hosts need a --store at which they meet");
    if (!asked.store.empty()) static_cast<void>(chorus::detail::tcp_place::parse(asked.store));
    std::chrono::seconds const grace(read_number("--grace", asked.grace, 0, 1'000'000));
    return run_ranks({first, ranks, of, asked.store, read_input(asked.input, of), grace}, asked.program);
}

} // namespace

command add_run(CLI::App& app) {
    auto asked = std::make_shared<run_texts>();
    auto* const sub = app.add_subcommand("run", "Starts a program as the ranks of one job on this host");
    sub->footer("Example: chorus run -n 4 ./program its arguments\n"
                "The program finds the others by chorus::session (chorus/runtime/session.hpp). Status: 0 if all ranks ended\n"
                "with 0, otherwise that of the first that did not, or 128 + signal.");
    add_text(*sub, "-n,--ranks", asked->ranks, "How many", "P");
    add_text(*sub, "--store", asked->store, "Where ranks of several hosts meet: the host of rank 0, a free port, a word of your own", "HOST:PORT/KEY");
    add_text(*sub, "--stdin", asked->input, "Who has the standard input: a rank, none, or all", "RANK");
    add_text(*sub, "--grace", asked->grace, "Seconds that ranks have to end by themselves after a failure or a signal",
             "S");
    add_text(*sub, "--first", asked->first, "The first rank here", "RANK");
    add_text(*sub, "--of", asked->of, "How many there are on all hosts", "P");
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
