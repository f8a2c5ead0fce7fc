/// chorus tune: measures this machine, for programs that call `use_tuning`.

#include "algorithms.hpp"
#include "bench/options.hpp"
#include "bench/pin.hpp"
#include "command.hpp"
#include "text.hpp"

#include <chorus/runtime/calibrate.hpp>
#include <chorus/runtime/explain_choice.hpp>
#include <chorus/runtime/run_processes.hpp>
#include <chorus/runtime/run_threads.hpp>
#ifdef CHORUS_HAS_MPI
#include <chorus/transport/mpi.hpp>
#endif

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace chorus::tools {

namespace {

struct tune_texts {
    std::string collectives = "all_reduce,all_gather,all_to_all,reduce_scatter,broadcast,reduce";
    std::string transport = "threads";
    std::string ranks;
    std::string bytes = "8:16M:8";
    std::string milliseconds = "20";
    std::string memory = "private";
    std::string output;
};

struct tune_options {
    std::vector<collective> collectives;
    size_list sizes;
    double seconds = 0.02; ///< per algorithm and size
    memory_kind memory = memory_kind::own;
    std::string path;
};

std::string microseconds(double seconds) { return seconds < 0 ? "-" : fmt::format("{:.2f}", 1e6 * seconds); }

/// A transport whose receivers read straight from the sender's memory moves nothing.
std::string rate(double per_byte) { return per_byte < 1e-12 ? "nothing" : fmt::format("{:.2f} GB/s", 1e-9 / per_byte); }

void show_model(communicator const& comm) {
    auto const& table = *comm.tuning();
    fmt::print("{} ranks, {}: latency {} us, further message {} us, flag {} us, {} moved, {} folded, {} copied\n",
               comm.size(), comm.shared_context()->transport().name(), microseconds(table.speed.latency), microseconds(table.speed.per_message),
               microseconds(table.flag_latency), rate(table.speed.per_byte), rate(table.speed.per_byte_folded), rate(table.copy_per_byte));
}

/// Everything, on every rank; rank 0 says what was found.
void tune(communicator& comm, tune_options const& how) {
    auto const speaks = comm.rank() == 0;
    calibrate(comm);
    if (speaks) show_model(comm);
    std::vector<std::vector<std::string>> rows{{"collective", "bytes", "runs", "us", "by the model alone", "us"}};
    for (auto const what : how.collectives)
        for (auto const bytes : how.sizes.bytes) {
            if (bytes < sizeof(float) * (has_blocks(what) ? static_cast<std::size_t>(comm.size()) : 1)) continue; // empty blocks
            refine(comm, what, bytes, how.seconds, how.memory);
            if (!speaks) continue;
            auto const found = comm.explain(what, bytes);
            candidate const* guess = nullptr; // what would run without these figures
            for (auto const& each : found.candidates)
                if (each.refused.empty() && each.predicted >= 0 && (guess == nullptr || each.predicted < guess->predicted)) guess = &each;
            auto const& best = found.candidates.front();
            rows.push_back({std::string(name(what)), std::to_string(bytes), std::string(best.algorithm), microseconds(best.measured),
                            guess != nullptr ? std::string(guess->algorithm) : "-", guess != nullptr ? microseconds(guess->measured) : "-"});
        }
    save_tuning(comm, how.path);
    if (speaks) fmt::print("{}written to {}\n", aligned(rows), how.path);
}

int tune_on_mpi([[maybe_unused]] tune_options const& how) {
#ifdef CHORUS_HAS_MPI
    mpi_session mpi;
    auto comm = mpi.world();
    tune(comm, how);
    return fine;
#else
    throw environment_error("--transport mpi: this command was built without MPI (scripts/setup installs it)");
#endif
}

int run(tune_texts const& asked) {
    tune_options how;
    for (auto const& each : split(asked.collectives, ',')) how.collectives.push_back(read_collective("--collective", each));
    auto const where = read_name("--transport", asked.transport, {"threads", "shm", "mpi"});
    auto const ranks = asked.ranks.empty() ? 4 : static_cast<int>(read_number("--ranks", asked.ranks, 1, 1024));
    how.sizes = read_sizes("--bytes", asked.bytes);
    how.seconds = 1e-3 * static_cast<double>(read_number("--milliseconds", asked.milliseconds, 1, 10'000));
    how.memory = static_cast<memory_kind>(read_name("--memory", asked.memory, {"private", "shared"}));
    how.path = asked.output.empty() ? default_tuning_path() : asked.output;
    if (how.path.empty()) throw usage_error("--out FILE is needed: neither CHORUS_TUNING nor XDG_CACHE_HOME nor HOME is set");
    if (where == 2) {
        if (!asked.ranks.empty()) throw usage_error("--ranks: with MPI, mpirun says how many");
        return tune_on_mpi(how);
    }
    auto const work = [&](communicator& comm) {
        pin(comm.rank(), comm.size());
        tune(comm, how);
    };
    if (where == 1) run_processes(ranks, work);
    else run_threads(ranks, work);
    return fine;
}

} // namespace

command add_tune(CLI::App& app) {
    auto asked = std::make_shared<tune_texts>();
    auto* const sub = app.add_subcommand("tune", "Measures this machine, for programs that call chorus::use_tuning");
    sub->footer("Examples: chorus tune --transport shm --ranks 2\n"
                "          mpirun -n 4 chorus tune --transport mpi --collective all_reduce");
    add_text(*sub, "--collective", asked->collectives, "One or more, with commas", "NAMES");
    add_text(*sub, "--transport", asked->transport, "threads, shm (processes of this host) or mpi (under mpirun)", "NAME");
    add_text(*sub, "--ranks", asked->ranks, "How many threads or processes (4); under MPI its ranks", "P");
    add_text(*sub, "--bytes", asked->bytes, "8, 8,64K or from:to:factor; all blocks together", "SIZES");
    add_text(*sub, "--milliseconds", asked->milliseconds, "For each algorithm and size", "MS");
    add_text(*sub, "--memory", asked->memory, "private; shared: for programs whose buffers are of chorus::allocate (shm)", "KIND");
    add_text(*sub, "--out", asked->output, "The file; otherwise $CHORUS_TUNING, or chorus/tuning in the user's cache", "FILE");
    return [asked] { return run(*asked); };
}

} // namespace chorus::tools
