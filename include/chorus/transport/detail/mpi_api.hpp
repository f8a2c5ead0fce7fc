#pragma once
/// MPI's C interface, and what Chorus makes of its error codes and of its counts, which are ints.

#include <chorus/core/errors.hpp>

#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <climits>
#include <cstddef>
#include <string>
#include <utility>

namespace chorus::detail {

/// "MPI_Isend: MPI_ERR_RANK: invalid rank"
inline std::string mpi_error_text(char const* call, int code) {
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
        return std::string(call) + ": error " + std::to_string(code);
    return std::string(call) + ": " + std::string(text, static_cast<std::size_t>(length));
}

inline int mpi_error_class(int code) {
    int result = MPI_ERR_UNKNOWN;
    MPI_Error_class(code, &result);
    return result;
}

/// For set-up and native collectives. Messages keep their errors for `failure()` instead.
inline void require_mpi(int code, char const* call) {
    if (code != MPI_SUCCESS) [[unlikely]]
        throw transport_error(mpi_error_text(call, code), {});
}

/// A communicator of our own, so that no message of the program can meet one of ours. Errors are returned, not fatal.
/// Must be freed by `reset` where MPI still lives: a destructor could not know.
class mpi_communicator {
public:
    mpi_communicator() = default;
    explicit mpi_communicator(MPI_Comm taken) : handle_(taken) {
        if (handle_ != MPI_COMM_NULL)
            require_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    }
    /// The same ranks, without attributes and hints: MPI_Comm_dup would copy them, and run the program's callbacks for
    /// that.
    static mpi_communicator duplicate(MPI_Comm original) {
        MPI_Comm copy = MPI_COMM_NULL;
        require_mpi(MPI_Comm_split(original, 0, 0, &copy), "MPI_Comm_split");
        return mpi_communicator(copy);
    }
    mpi_communicator(mpi_communicator&& other) noexcept : handle_(std::exchange(other.handle_, MPI_COMM_NULL)) {}
    mpi_communicator& operator=(mpi_communicator&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }

    MPI_Comm get() const { return handle_; }
    int rank() const {
        int result = 0;
        require_mpi(MPI_Comm_rank(handle_, &result), "MPI_Comm_rank");
        return result;
    }
    int size() const {
        int result = 0;
        require_mpi(MPI_Comm_size(handle_, &result), "MPI_Comm_size");
        return result;
    }
    void reset() {
        if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
    }

private:
    MPI_Comm handle_ = MPI_COMM_NULL;
};

/// A type as long as a message of more than INT_MAX bytes. MPI keeps it alive while a message uses it.
class mpi_long_type {
public:
    explicit mpi_long_type(std::size_t bytes) {
        constexpr std::size_t unit = std::size_t{1} << 30;
        int lengths[2] = {static_cast<int>(bytes / unit), static_cast<int>(bytes % unit)};
        MPI_Aint const places[2] = {0, static_cast<MPI_Aint>(bytes - bytes % unit)};
        MPI_Datatype parts[2] = {MPI_DATATYPE_NULL, MPI_BYTE};
        require_mpi(MPI_Type_contiguous(static_cast<int>(unit), MPI_BYTE, &parts[0]), "MPI_Type_contiguous");
        auto const code = MPI_Type_create_struct(2, lengths, places, parts, &type_);
        MPI_Type_free(&parts[0]);
        require_mpi(code, "MPI_Type_create_struct");
        require_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
    }
    mpi_long_type(mpi_long_type const&) = delete;
    mpi_long_type& operator=(mpi_long_type const&) = delete;
    ~mpi_long_type() {
        if (type_ != MPI_DATATYPE_NULL) MPI_Type_free(&type_);
    }

    MPI_Datatype get() const { return type_; }

private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

[[gnu::cold, gnu::noinline]] inline int mpi_isend_long(void const* data, std::size_t bytes, int peer, int tag,
                                                       MPI_Comm on, MPI_Request* request) {
    return MPI_Isend(data, 1, mpi_long_type(bytes).get(), peer, tag, on, request);
}
[[gnu::cold, gnu::noinline]] inline int mpi_irecv_long(void* data, std::size_t bytes, int peer, int tag, MPI_Comm on,
                                                       MPI_Request* request) {
    return MPI_Irecv(data, 1, mpi_long_type(bytes).get(), peer, tag, on, request);
}
inline int mpi_isend(void const* data, std::size_t bytes, int peer, int tag, MPI_Comm on, MPI_Request* request) {
    if (bytes > INT_MAX) [[unlikely]]
        return mpi_isend_long(data, bytes, peer, tag, on, request);
    return MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, peer, tag, on, request);
}
inline int mpi_irecv(void* data, std::size_t bytes, int peer, int tag, MPI_Comm on, MPI_Request* request) {
    if (bytes > INT_MAX) [[unlikely]]
        return mpi_irecv_long(data, bytes, peer, tag, on, request);
    return MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, peer, tag, on, request);
}
inline int mpi_imrecv(void* data, std::size_t bytes, MPI_Message* message, MPI_Request* request) {
    if (bytes > INT_MAX) return MPI_Imrecv(data, 1, mpi_long_type(bytes).get(), message, request);
    return MPI_Imrecv(data, static_cast<int>(bytes), MPI_BYTE, message, request);
}

/// Bytes of a received message. MPI_Get_count is the faster one and says MPI_UNDEFINED above INT_MAX.
inline std::size_t received_bytes(MPI_Status const& status) {
    int count = 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    if (count != MPI_UNDEFINED) [[likely]]
        return static_cast<std::size_t>(count);
    MPI_Count large = 0;
    MPI_Get_elements_x(&status, MPI_BYTE, &large);
    return static_cast<std::size_t>(large);
}

} // namespace chorus::detail
