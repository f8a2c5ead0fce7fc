#pragma once
/// What the subcommands of `chorus` share: how they are declared, how they end, and how they say no.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <functional>
#include <stdexcept>
#include <string>

namespace chorus::tools {

/// Exit status of the command.
enum status : int { fine = 0, wrong_result = 1, wrong_usage = 2, wrong_environment = 3 };

/// The machine lacks something: no MPI, a file that cannot be written, a plugin that cannot be loaded.
class environment_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A subcommand after its declaration: runs it, once its options are parsed, and returns the exit status.
using command = std::function<int()>;

command add_list(CLI::App& app);
command add_show(CLI::App& app);
command add_verify(CLI::App& app);
command add_bench(CLI::App& app);
command add_run(CLI::App& app);
command add_plan(CLI::App& app);
command add_simulate(CLI::App& app);
command add_tune(CLI::App& app);
command add_devices(CLI::App& app);

/// Options are taken as text and read by text.hpp, so that all of them complain alike.
inline CLI::Option* add_text(CLI::App& to, std::string const& names, std::string& into, std::string const& help,
                             std::string const& type) {
    auto* const option = to.add_option(names, into, help)->type_name(type);
    if (!into.empty()) option->default_str(into);
    return option;
}
CLI::Option* add_plugins(CLI::App& to, std::vector<std::string>& paths);

} // namespace chorus::tools
