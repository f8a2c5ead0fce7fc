#pragma once
/// A collective call in MPI's words, and the table from Chorus' collectives to MPI's functions, blocking and not.

#include <chorus/core/collective.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/mpi_api.hpp>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <span>
#include <vector>

namespace chorus::detail {

/// Counts of a v form and where its blocks begin, as ints. MPI reads them until a non-blocking collective has finished.
struct mpi_counts {
    std::vector<int> counts, places;

    /// `begins`: first element of each block; empty: one after the other.
    void assign(std::span<std::size_t const> from, std::span<std::size_t const> begins) {
        counts.clear();
        places.clear();
        std::size_t next = 0, end = 0;
        for (std::size_t i = 0; i < from.size(); ++i) {
            auto const begin = begins.empty() ? next : begins[i];
            counts.push_back(static_cast<int>(from[i]));
            places.push_back(static_cast<int>(begin));
            next = begin + from[i];
            end = std::max(end, next);
        }
        if (end > INT_MAX)
            throw usage_error("chorus: MPI's own collectives count elements in int; choose another algorithm");
    }
};

/// A call in MPI's words.
struct mpi_call {
    collective what;
    bool vary; ///< a v form
    void const* in;
    void* out;
    int count;
    MPI_Datatype type;
    MPI_Op op;
    int root;
    MPI_Comm comm;
    mpi_counts const* own;      ///< v forms: the counts; all_to_all_v: what this rank sends
    mpi_counts const* incoming; ///< all_to_all_v: what it receives
};

inline int run_blocking(mpi_call const& c) {
    using enum collective;
    auto const* const counts = c.own->counts.data();
    auto const* const places = c.own->places.data();
    switch (c.what) {
    case all_reduce:
        return MPI_Allreduce(c.in, c.out, c.count, c.type, c.op, c.comm);
    case broadcast:
        return MPI_Bcast(c.out, c.count, c.type, c.root, c.comm);
    case reduce:
        return MPI_Reduce(c.in, c.out, c.count, c.type, c.op, c.root, c.comm);
    case scan:
        return MPI_Scan(c.in, c.out, c.count, c.type, c.op, c.comm);
    case exclusive_scan:
        return MPI_Exscan(c.in, c.out, c.count, c.type, c.op, c.comm);
    case barrier:
        return MPI_Barrier(c.comm);
    case reduce_scatter:
        if (c.vary) return MPI_Reduce_scatter(c.in, c.out, counts, c.type, c.op, c.comm);
        return MPI_Reduce_scatter_block(c.in, c.out, c.count, c.type, c.op, c.comm);
    case all_gather:
        if (c.vary) return MPI_Allgatherv(c.in, c.count, c.type, c.out, counts, places, c.type, c.comm);
        return MPI_Allgather(c.in, c.count, c.type, c.out, c.count, c.type, c.comm);
    case gather:
        if (c.vary) return MPI_Gatherv(c.in, c.count, c.type, c.out, counts, places, c.type, c.root, c.comm);
        return MPI_Gather(c.in, c.count, c.type, c.out, c.count, c.type, c.root, c.comm);
    case scatter:
        if (c.vary) return MPI_Scatterv(c.in, counts, places, c.type, c.out, c.count, c.type, c.root, c.comm);
        return MPI_Scatter(c.in, c.count, c.type, c.out, c.count, c.type, c.root, c.comm);
    case all_to_all:
        if (c.vary)
            return MPI_Alltoallv(c.in, counts, places, c.type, c.out, c.incoming->counts.data(),
                                 c.incoming->places.data(), c.type, c.comm);
        return MPI_Alltoall(c.in, c.count, c.type, c.out, c.count, c.type, c.comm);
    case send_recv:
        break;
    }
    return MPI_ERR_UNSUPPORTED_OPERATION;
}

inline int begin_nonblocking(mpi_call const& c, MPI_Request* r) {
    using enum collective;
    auto const* const counts = c.own->counts.data();
    auto const* const places = c.own->places.data();
    switch (c.what) {
    case all_reduce:
        return MPI_Iallreduce(c.in, c.out, c.count, c.type, c.op, c.comm, r);
    case broadcast:
        return MPI_Ibcast(c.out, c.count, c.type, c.root, c.comm, r);
    case reduce:
        return MPI_Ireduce(c.in, c.out, c.count, c.type, c.op, c.root, c.comm, r);
    case scan:
        return MPI_Iscan(c.in, c.out, c.count, c.type, c.op, c.comm, r);
    case exclusive_scan:
        return MPI_Iexscan(c.in, c.out, c.count, c.type, c.op, c.comm, r);
    case barrier:
        return MPI_Ibarrier(c.comm, r);
    case reduce_scatter:
        if (c.vary) return MPI_Ireduce_scatter(c.in, c.out, counts, c.type, c.op, c.comm, r);
        return MPI_Ireduce_scatter_block(c.in, c.out, c.count, c.type, c.op, c.comm, r);
    case all_gather:
        if (c.vary) return MPI_Iallgatherv(c.in, c.count, c.type, c.out, counts, places, c.type, c.comm, r);
        return MPI_Iallgather(c.in, c.count, c.type, c.out, c.count, c.type, c.comm, r);
    case gather:
        if (c.vary) return MPI_Igatherv(c.in, c.count, c.type, c.out, counts, places, c.type, c.root, c.comm, r);
        return MPI_Igather(c.in, c.count, c.type, c.out, c.count, c.type, c.root, c.comm, r);
    case scatter:
        if (c.vary) return MPI_Iscatterv(c.in, counts, places, c.type, c.out, c.count, c.type, c.root, c.comm, r);
        return MPI_Iscatter(c.in, c.count, c.type, c.out, c.count, c.type, c.root, c.comm, r);
    case all_to_all:
        if (c.vary)
            return MPI_Ialltoallv(c.in, counts, places, c.type, c.out, c.incoming->counts.data(),
                                  c.incoming->places.data(), c.type, c.comm, r);
        return MPI_Ialltoall(c.in, c.count, c.type, c.out, c.count, c.type, c.comm, r);
    case send_recv:
        break;
    }
    return MPI_ERR_UNSUPPORTED_OPERATION;
}

} // namespace chorus::detail
