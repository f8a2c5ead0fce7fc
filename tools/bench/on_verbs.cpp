#include "on_transport.hpp"

#include "command.hpp"

#ifdef CHORUS_HAS_VERBS

#include "measure.hpp"
#include "pin.hpp"
#include "report.hpp"

#include <chorus/runtime/run_processes.hpp>
#include <chorus/transport/verbs.hpp>

#include <fmt/format.h>

#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>

namespace chorus::tools {

namespace {

/// Where processes of this host meet, until it ends.
class meeting_folder {
public:
    meeting_folder() : path_((std::filesystem::temp_directory_path() / "chorus-XXXXXX").string()) {
        if (::mkdtemp(path_.data()) == nullptr) throw environment_error(path_ + ": no folder for the ranks to meet can be made");
    }
    meeting_folder(meeting_folder const&) = delete;
    meeting_folder& operator=(meeting_folder const&) = delete;
    ~meeting_folder() {
        std::error_code nobody_asks;
        std::filesystem::remove_all(path_, nobody_asks);
    }
    std::string const& path() const { return path_; }

private:
    std::string path_;
};

/// The ports that the ranks will take, in words.
std::string ports_in_words() try {
    std::string all;
    for (auto const& each : detail::open_ports(verbs_options::from_environment())) all += (all.empty() ? "" : "; ") + each.why;
    return all;
} catch (transport_error const& e) {
    throw environment_error(std::string("--transport verbs: ") + e.what());
}

bool measure(communicator& comm, bench_options const& how, algorithms const& known, std::string const& ports) {
    auto const to = comm.rank() == 0 ? make_report(how, ports) : nullptr;
    auto const right = bench(comm, how, known, to.get()).run();
    if (to) {
        to->finish();
        fmt::print(stderr, "rank 0: {}\n", comm.shared_context()->transport().describe());
    }
    return right;
}

constexpr char const* wrong_results = "some results are wrong";

} // namespace

int bench_on_verbs(bench_options const& how, algorithms const& known) {
    options settings;
    settings.timeout = how.timeout;
    auto const ports = ports_in_words();
    if (std::getenv("CHORUS_STORE") != nullptr) { // `chorus run` has started us
        verbs_session verbs(settings);
        auto comm = verbs.world();
        if (how.ranks && *how.ranks != comm.size())
            throw usage_error(fmt::format("--ranks: {} is not allowed; {} ranks were started", *how.ranks, comm.size()));
        return measure(comm, how, known, ports) ? fine : wrong_result;
    }
    meeting_folder const meeting;
    auto const ranks = how.ranks.value_or(4);
    try {
        run_processes(ranks, settings, [&](communicator& processes) {
            pin(processes.rank(), ranks);
            file_store over(meeting.path());
            auto comm = join_verbs(over, processes.rank(), ranks, settings);
            if (!measure(comm, how, known, ports) && comm.rank() == 0) throw std::runtime_error(wrong_results);
        });
    } catch (rank_error const& e) {
        if (std::string_view(e.what()).ends_with(wrong_results)) return wrong_result;
        throw;
    }
    return fine;
}

} // namespace chorus::tools

#else

namespace chorus::tools {

int bench_on_verbs(bench_options const&, algorithms const&) {
    throw environment_error("--transport verbs: this command was built without libibverbs (scripts/setup installs it)");
}

} // namespace chorus::tools

#endif
