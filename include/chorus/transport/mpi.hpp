#pragma once
/// Chorus over MPI. Included beside chorus/chorus.hpp by programs that are started by mpirun:
///
///     chorus::mpi_session mpi(argc, argv);     // or chorus::attach(MPI_Comm) in a program that owns MPI
///     auto comm = mpi.world();
///
/// All calls come from the thread that initialised MPI.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/transport/detail/mpi_transport.hpp>
#include <chorus/transport/detail/mpi_watchdog.hpp>

#include <memory>
#include <utility>

namespace chorus {

namespace detail {

inline bool mpi_is_initialised() {
    int flag = 0;
    MPI_Initialized(&flag);
    return flag != 0;
}
inline bool mpi_is_finalised() {
    int flag = 0;
    MPI_Finalized(&flag);
    return flag != 0;
}
inline std::shared_ptr<context> mpi_context(MPI_Comm over, options const& how, mpi_options const& transport) {
    int rank = 0;
    require_mpi(MPI_Comm_rank(over, &rank), "MPI_Comm_rank");
    mpi_watchdog::watched const here("MPI_Comm_split", rank, patience_of(how), transport.abort_after_grace);
    return std::make_shared<context>(any_transport::own(std::make_unique<mpi_transport>(over, transport)), how);
}

} // namespace detail

/// The ranks of an MPI communicator, for programs that initialise and finalise MPI themselves. Collective over `over`,
/// which is duplicated and may be freed or used as one likes. So is the end of the last communicator or request: it
/// waits for the other ranks, for `transport.grace` at most.
inline communicator attach(MPI_Comm over, options const& how = {}, mpi_options const& transport = {}) {
    if (!detail::mpi_is_initialised())
        throw usage_error("chorus: attach before MPI_Init (chorus::mpi_session calls it)");
    if (detail::mpi_is_finalised()) throw usage_error("chorus: attach after MPI_Finalize");
    if (over == MPI_COMM_NULL) throw usage_error("chorus: attach to MPI_COMM_NULL");
    return communicator(detail::mpi_context(over, how, transport));
}

/// MPI from here to the end of the scope. Initialises MPI where nobody has, and finalises it then, unless somebody else
/// did. Communicators and requests may outlive the session but not be used any more: a usage_error says so.
class mpi_session {
public:
    mpi_session(int& argc, char**& argv, options const& how = {}, mpi_options const& transport = {})
        : mpi_session(&argc, &argv, how, transport) {}
    explicit mpi_session(options const& how = {}, mpi_options const& transport = {})
        : mpi_session(nullptr, nullptr, how, transport) {}
    mpi_session(mpi_session const&) = delete;
    mpi_session& operator=(mpi_session const&) = delete;
    /// MPI_Finalize waits for all ranks, for `options::timeout` at most.
    ~mpi_session() {
        owner_->close();
        auto const rank = owner_->rank();
        auto const timeout = owner_->settings().timeout;
        owner_.reset();
        if (!must_finalise_ || detail::mpi_is_finalised()) return;
        detail::mpi_watchdog::watched const here("MPI_Finalize", rank, timeout, ends_job_);
        MPI_Finalize();
    }

    /// All ranks that were started together. Once: `dup` and `split` make further communicators.
    communicator world() {
        if (std::exchange(handed_out_, true))
            throw usage_error(
                "chorus: mpi_session::world() was called before; dup() of its communicator makes another one");
        return communicator(owner_);
    }
    int rank() const { return owner_->rank(); }
    int size() const { return owner_->size(); }

private:
    mpi_session(int* argc, char*** argv, options const& how, mpi_options const& transport)
        : must_finalise_(initialise(argc, argv)),
          ends_job_(transport.abort_after_grace),
          owner_(detail::mpi_context(MPI_COMM_WORLD, how, transport)) {}

    static bool initialise(int* argc, char*** argv) {
        if (detail::mpi_is_finalised())
            throw usage_error("chorus: mpi_session after MPI_Finalize: MPI starts only once");
        if (detail::mpi_is_initialised()) return false;
        int provided = 0;
        detail::require_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
        return true;
    }

    bool must_finalise_, ends_job_;
    std::shared_ptr<context> owner_;
    bool handed_out_ = false;
};

} // namespace chorus
