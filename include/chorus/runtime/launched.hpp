#pragma once
/// How a rank that was started finds the others. Part of session.hpp.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/session.hpp>
#include <chorus/transport/detail/local_socket.hpp>
#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/store.hpp>
#include <chorus/transport/tcp_store.hpp>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace chorus {

namespace detail {

/// What another launcher leaves with its ranks.
struct foreign_launcher {
    char const *name, *rank, *size, *advice;
};

inline constexpr char const
    *over_mpi = "use chorus::mpi_session or chorus::attach (chorus/transport/mpi.hpp), or set these",
    *of_torchrun = "set CHORUS_RANK=$RANK, CHORUS_SIZE=$WORLD_SIZE and CHORUS_STORE=tcp:HOST:PORT/KEY or file:FOLDER",
    *of_srun =
        "set CHORUS_RANK=$SLURM_PROCID, CHORUS_SIZE=$SLURM_NTASKS and CHORUS_STORE=tcp:HOST:PORT/KEY or file:FOLDER";
/// The innermost first: torchrun and mpirun may have been started by srun.
inline constexpr foreign_launcher foreign_launchers[] = {
    {"torchrun", "RANK", "WORLD_SIZE", of_torchrun},
    {"mpirun of Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", over_mpi},
    {"mpirun of MPICH (Hydra) or another launcher with PMI", "PMI_RANK", "PMI_SIZE", over_mpi},
    {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", of_srun},
    {"srun", "SLURM_PROCID", "SLURM_NTASKS", of_srun},
    {"a launcher with PMIx", "PMIX_RANK", nullptr, over_mpi}, // which does not say how many there are
};

/// A number of the environment; none where there is no such variable, or something else in it.
inline std::optional<int> number_in(char const* name) {
    auto const* const text = name != nullptr ? std::getenv(name) : nullptr;
    if (text == nullptr || *text == '\0') return std::nullopt;
    char* end = nullptr;
    auto const value = std::strtol(text, &end, 10);
    if (*end != '\0' || value < 0 || value > 100'000'000) return std::nullopt;
    return static_cast<int>(value);
}

/// A usage_error where somebody else has started this process as one of several: each would be a world of its own, and
/// silently.
[[gnu::cold]] inline void require_alone() {
    for (auto const& each : foreign_launchers) {
        auto const rank = number_in(each.rank), size = number_in(each.size);
        if (!rank || (!size && each.size != nullptr)) continue;
        if (size == 1) return;
        misuse({"this process was started by ", each.name, " (", each.rank, "=", *rank,
                size ? text({", ", each.size, "=", *size}) : "",
                "), but a session finds the other ranks by CHORUS_RANK, CHORUS_SIZE and CHORUS_STORE, which `chorus "
                "run` sets: it would be alone. ",
                "Instead, ", each.advice, ". CHORUS_SIZE=1 where it shall be alone"});
    }
}

} // namespace detail

[[gnu::cold]] CHORUS_INLINE launch_environment launch_environment::read() {
    launch_environment found;
    auto const set = [](char const* name) {
        auto const* const text = std::getenv(name);
        return text != nullptr ? std::string_view(text) : std::string_view();
    };
    auto const number = [&](char const* name) {
        auto const value = detail::number_in(name);
        if (!value || *value > 1'000'000)
            detail::misuse({name, set(name).empty()
                                      ? " is not set, but others of CHORUS_RANK, CHORUS_SIZE and CHORUS_STORE are"
                                      : detail::text({"=", set(name), " is no number"})});
        return *value;
    };
    found.store = set("CHORUS_STORE");
    if (found.store.empty() && set("CHORUS_RANK").empty() && set("CHORUS_SIZE").empty()) {
        detail::require_alone();
        return found;
    }
    found.size = number("CHORUS_SIZE");
    if (found.size != 1 || !set("CHORUS_RANK").empty()) found.rank = number("CHORUS_RANK");
    if (found.rank >= found.size) detail::misuse({"CHORUS_RANK=", found.rank, " does not go with CHORUS_SIZE=", found.size});
    if (found.store.empty() && found.size > 1)
        detail::misuse({"CHORUS_RANK=", found.rank, " and CHORUS_SIZE=", found.size,
                        " are set, but CHORUS_STORE is not: set it to where the ranks meet, tcp:HOST:PORT/KEY or "
                        "file:FOLDER, or let `chorus run -n ",
                        found.size, "` start them"});
    return found;
}

namespace detail {

[[gnu::cold]] inline std::shared_ptr<shm_job> meet(launch_environment const& as, clock::time_point until,
                                                   shm_options const& memory) {
    std::string_view const where = as.store;
    if (where.empty()) return shm_job::create(1, memory);
    if (where.starts_with("unix:")) {
        socket_store over{std::string(where.substr(5))};
        return meet_in_memory(over, as.rank, as.size, until, memory, "shm");
    }
    if (where.starts_with("file:")) {
        file_store over{std::string(where.substr(5))};
        return meet_in_memory(over, as.rank, as.size, until, memory, "shm");
    }
    if (where.starts_with("tcp:")) {
        tcp_store over(where.substr(4));
        return meet_in_memory(over, as.rank, as.size, until, memory, "shm");
    }
    misuse({"CHORUS_STORE=", where, "; it is unix:ADDRESS, tcp:HOST:PORT/KEY or file:FOLDER"});
}

/// `chorus run` sees in the memory which ranks have left in order, and whether the others go on. Other launchers do
/// without.
inline void show_launcher(shm_job const& job) noexcept try {
    if (auto const* const where = std::getenv("CHORUS_LAUNCHER"))
        local_socket::connect(where, clock::now() + std::chrono::seconds(1)).send("memory", job.file());
} catch (...) { // it has gone
}

[[gnu::cold]] inline std::unique_ptr<shm_transport> join(launch_environment const& as, clock::time_point until,
                                                         shm_options const& memory) {
    auto job = meet(as, until, memory);
    show_launcher(*job);
    return std::make_unique<shm_transport>(std::move(job), as.rank, until);
}

} // namespace detail

CHORUS_INLINE session::session(options const& how, shm_options const& memory)
    : owner_(std::make_shared<context>(any_transport::own(detail::join(launch_environment::read(), detail::deadline_of(how), memory)), how)) {}
CHORUS_INLINE session::~session() { owner_->close(); }
CHORUS_INLINE communicator session::world() {
    if (std::exchange(handed_out_, true)) detail::misuse({"session::world() was called before; dup() of its communicator makes another one"});
    return communicator(owner_);
}
CHORUS_INLINE int session::rank() const { return owner_->rank(); }
CHORUS_INLINE int session::size() const { return owner_->size(); }

} // namespace chorus
