#include "on_transport.hpp"

#include "command.hpp"

#ifdef CHORUS_HAS_MPI

#include "measure.hpp"
#include "report.hpp"

#include <chorus/transport/mpi.hpp>
#include <chorus/transport/mpi_hosts.hpp>

#include <fmt/format.h>

#include <memory>

namespace chorus::tools {

namespace {

/// "Open MPI v4.1.4", of a text that may go on for long.
std::string library_version() {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    auto const all = std::string(text, static_cast<std::size_t>(length));
    return all.substr(0, all.find_first_of(",\n"));
}

} // namespace

int bench_on_mpi(bench_options const& how, algorithms const& known) {
    options settings;
    settings.timeout = how.timeout;
    mpi_session mpi(settings);
    auto comm = how.transport == "hosts" ? attach_hosts(MPI_COMM_WORLD, settings) : mpi.world();
    if (how.ranks && *how.ranks != comm.size())
        throw usage_error(
            fmt::format("--ranks: {} is not allowed; MPI was started with {} ranks", *how.ranks, comm.size()));
    auto const is_first = comm.rank() == 0;
    auto const to = is_first ? make_report(how, library_version()) : nullptr;
    auto const correct = bench(comm, how, known, to.get()).run();
    if (to) to->finish();
    return correct ? fine : wrong_result;
}

} // namespace chorus::tools

#else

namespace chorus::tools {

int bench_on_mpi(bench_options const&, algorithms const&) {
    throw environment_error("--transport mpi and hosts: this command was built without MPI (scripts/setup installs it)");
}

} // namespace chorus::tools

#endif
