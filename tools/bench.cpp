/// chorus bench: how fast collectives are, and whether their results are right.

#include "algorithms.hpp"
#include "bench/elements.hpp"
#include "bench/on_transport.hpp"
#include "bench/options.hpp"
#include "command.hpp"
#include "proof.hpp"
#include "text.hpp"

#include <chorus/tuning/rules.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>

namespace chorus::tools {

namespace {

struct bench_texts {
    std::string collectives = "all_reduce,all_gather,all_to_all";
    std::string algorithms = "auto,ring,tree,hierarchical";
    std::string transport = "threads";
    std::string ranks;
    std::string bytes = "8:16M:8";
    std::string type = "float";
    std::string op = "sum";
    std::string buffers = "rewritten";
    std::string memory = "private";
    std::string iterations = "auto";
    std::string timeout = "60";
    std::string groups;
    std::string format = "table";
    std::string tuning;
    std::string raw;
    std::vector<std::string> plugins;
};

std::vector<std::string> names_of_types() {
    std::vector<std::string> names;
    for (auto const& each : element_types()) names.emplace_back(each.name);
    return names;
}

operator_id read_operator(std::string const& text) {
    std::vector<std::string> const names{"sum", "prod", "min", "max", "avg"};
    constexpr operator_id ids[] = {operator_id::plus, operator_id::multiplies, operator_id::min, operator_id::max,
                                   operator_id::average};
    return ids[read_name("--op", text, names)];
}

bench_options read(bench_texts const& asked, algorithms const& known) {
    bench_options how;
    for (auto const& each : split(asked.collectives, ','))
        how.collectives.push_back(read_collective("--collective", each));
    how.algorithms = split_algorithms(asked.algorithms);
    forced_choice unused; // rules that nobody can read are refused before any rank starts
    if (auto const* const rules = std::getenv("CHORUS_ALGORITHM")) read_rules(rules, "CHORUS_ALGORITHM", unused);
    read_name("--transport", asked.transport, {"threads", "shm", "mpi", "hosts", "verbs"});
    how.transport = asked.transport;
    if (!asked.ranks.empty()) how.ranks = static_cast<int>(read_number("--ranks", asked.ranks, 1, 1024));
    how.sizes = read_sizes("--bytes", asked.bytes);
    read_name("--type", asked.type, names_of_types());
    how.type = asked.type;
    how.op = read_operator(asked.op);
    how.buffers = static_cast<buffer_mode>(read_name("--buffers", asked.buffers, {"warm", "rewritten", "cold"}));
    how.shared_memory = read_name("--memory", asked.memory, {"private", "shared"}) == 1;
    if (asked.iterations != "auto")
        how.iterations = static_cast<std::size_t>(read_number("--iterations", asked.iterations, 1, 10'000'000));
    how.timeout = std::chrono::seconds(read_number("--timeout", asked.timeout, 1, 100'000));
    if (!asked.groups.empty()) how.groups = join(split(asked.groups, ','), "+");
    read_name("--format", asked.format, {"table", "csv", "json"});
    how.format = asked.format;
    how.tuning = asked.tuning;
    how.raw = asked.raw;
    // What can be said before any rank starts. How many ranks there are, only MPI knows.
    auto const under_mpi = how.transport == "mpi" || how.transport == "hosts";
    for (auto const& each : how.algorithms)
        known.parse(each, under_mpi ? how.ranks.value_or(0) : how.ranks.value_or(4));
    return how;
}

/// What is wrong with what plugins bring, or nothing: proven before it is measured, since one run may be right by chance.
std::string fault_of_plugins(bench_options const& how, algorithms const& known) {
    constexpr int usual = 16, most = 64;
    std::vector<catalogue_entry> entries;
    for (auto const what : how.collectives)
        for (auto const& each : how.algorithms) {
            auto const* const entry = known.from_plugin(name_of(each)) ? find(known.of(what), name_of(each)) : nullptr;
            if (entry != nullptr) entries.push_back(*entry);
        }
    std::vector<int> ranks(usual);
    std::iota(ranks.begin(), ranks.end(), 1);
    if (auto const asked = how.ranks.value_or(usual); asked > usual && asked <= most) ranks.push_back(asked);
    for (auto const& each : prove(entries, ranks, [](double) {}))
        if (each.wrong)
            return fmt::format("{} {} is wrong and is not measured: {}: {}", name(each.entry.what), each.entry.name, each.wrong->where,
                               each.wrong->found.explanation);
    return {};
}

int run(bench_texts const& asked) {
    algorithms const known(asked.plugins);
    auto const how = read(asked, known);
    if (auto const fault = fault_of_plugins(how, known); !fault.empty()) {
        fmt::print(stderr, "chorus: {}\n", fault);
        return wrong_result;
    }
    if (how.transport == "mpi" || how.transport == "hosts") return bench_on_mpi(how, known);
    if (how.transport == "verbs") return bench_on_verbs(how, known);
    return how.transport == "shm" ? bench_on_processes(how, known) : bench_on_threads(how, known);
}

} // namespace

command add_bench(CLI::App& app) {
    auto asked = std::make_shared<bench_texts>();
    auto* const sub = app.add_subcommand("bench", "How fast collectives are, and whether their results are right");
    sub->footer("Examples: chorus bench --ranks 2 --collective all_reduce --bytes 1M\n"
                "          mpirun -n 4 chorus bench --transport mpi --algorithm auto,native");
    add_text(*sub, "--collective", asked->collectives, "One or more, with commas", "NAMES");
    add_text(*sub, "--algorithm", asked->algorithms, "One or more, with options: bruck:radix=4", "NAMES");
    add_text(*sub, "--transport", asked->transport, "threads, shm (processes of this host), verbs (processes, over an RDMA device), mpi (under mpirun) or hosts (under mpirun: shared memory inside a host, MPI between)", "NAME");
    add_text(*sub, "--ranks", asked->ranks, "How many threads or processes (4); under MPI its ranks", "P");
    add_text(*sub, "--bytes", asked->bytes, "8, 8,64K or from:to:factor; as nccl-tests: all blocks together", "SIZES");
    add_text(*sub, "--type", asked->type, join(names_of_types()), "TYPE");
    add_text(*sub, "--op", asked->op, "sum, prod, min, max, avg", "OP");
    add_text(*sub, "--buffers", asked->buffers, "warm; rewritten before, read after every iteration; cold", "MODE");
    add_text(*sub, "--memory", asked->memory, "private; shared: allocated so that peers read it directly (shm)", "KIND");
    add_text(*sub, "--iterations", asked->iterations, "auto (about 0.3 s, at least 5) or a number", "N");
    add_text(*sub, "--groups", asked->groups, "hierarchical: sizes of the groups; otherwise the hosts", "2,2");
    add_text(*sub, "--timeout", asked->timeout, "Seconds without progress until it gives up", "S");
    add_text(*sub, "--format", asked->format, "table, csv or json", "FORMAT");
    add_text(*sub, "--tuning", asked->tuning, "What auto knows of this machine: a file that chorus tune has written", "FILE");
    add_text(*sub, "--raw", asked->raw, "Write every sample to a CSV file", "FILE");
    add_plugins(*sub, asked->plugins);
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
