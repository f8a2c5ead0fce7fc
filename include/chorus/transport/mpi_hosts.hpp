#pragma once
/// An MPI job whose ranks share memory where they share a host:
///
///     MPI_Init(&argc, &argv);
///     auto comm = chorus::attach_hosts(MPI_COMM_WORLD);
///
/// Messages within a host go through shared memory, those between hosts through MPI. `hierarchical{}` groups by host.

#include <chorus/runtime/communicator.hpp>
#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/mpi.hpp>
#include <chorus/transport/mpi_store.hpp>
#include <chorus/transport/routed.hpp>
#include <chorus/transport/shm.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace chorus {

namespace detail {

/// rank -> the least rank of its host.
inline std::vector<int> hosts_of(MPI_Comm over, MPI_Comm host) {
    int rank = 0, size = 0;
    require_mpi(MPI_Comm_rank(over, &rank), "MPI_Comm_rank");
    require_mpi(MPI_Comm_size(over, &size), "MPI_Comm_size");
    int least = rank;
    require_mpi(MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_INT, MPI_MIN, host), "MPI_Allreduce");
    std::vector<int> hosts(static_cast<std::size_t>(size));
    require_mpi(MPI_Allgather(&least, 1, MPI_INT, hosts.data(), 1, MPI_INT, over), "MPI_Allgather");
    return hosts;
}

} // namespace detail

/// The ranks of an MPI communicator, over shared memory between those that `host` groups: ranks of one host, in the order of `over`.
/// Collective over `over`; both communicators may be freed afterwards.
inline communicator attach_hosts(MPI_Comm over, MPI_Comm host, options const& how, mpi_options const& mpi = {}, shm_options const& memory = {}) {
    int rank = 0, size = 0, of_all = 0;
    detail::require_mpi(MPI_Comm_rank(host, &rank), "MPI_Comm_rank");
    detail::require_mpi(MPI_Comm_size(host, &size), "MPI_Comm_size");
    detail::require_mpi(MPI_Comm_rank(over, &of_all), "MPI_Comm_rank");
    auto const longest = 2 * detail::patience_of(how); // join_shm has a deadline of its own, and throws then
    detail::mpi_watchdog::watched const here("attach_hosts", of_all, longest, mpi.abort_after_grace);
    auto near = [&] {
        mpi_store meeting(host);
        return join_shm(meeting, rank, size, detail::deadline_of(how), memory);
    }();
    auto far = std::make_unique<mpi_transport>(over, mpi);
    auto both = std::make_unique<routed<shm_transport, mpi_transport>>(std::move(near), std::move(far), detail::hosts_of(over, host));
    return communicator(std::make_shared<context>(any_transport::own(std::move(both)), how));
}

/// The same, with the hosts as MPI knows them.
inline communicator attach_hosts(MPI_Comm over, options const& how = {}) {
    int rank = 0;
    detail::require_mpi(MPI_Comm_rank(over, &rank), "MPI_Comm_rank");
    MPI_Comm host = MPI_COMM_NULL;
    detail::require_mpi(MPI_Comm_split_type(over, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &host), "MPI_Comm_split_type");
    detail::mpi_communicator const owned(host);
    return attach_hosts(over, host, how);
}

} // namespace chorus
