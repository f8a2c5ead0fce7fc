#pragma once
/// The control channel of the MPI transport: small messages that say why somebody gives up. They travel on a
/// communicator of their own and are read only where a rank waits in vain, so that they cost nothing as long as all is
/// well.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace chorus::detail {

struct mpi_control_message {
    enum class kind : std::int32_t {
        revoke, ///< everyone gives up, for the reason given
        left,   ///< the sender is about to leave; bad only for those who wait for it
        differ, ///< the sender's call at `tag` has `signature`, and it saw that the receiver's differs
    };
    kind what = kind::revoke;
    std::int32_t sender = -1;
    std::int32_t why = 0;    ///< transport_failure::kind
    std::int32_t about = -1; ///< transport_failure::rank
    std::int32_t tag = 0;
    std::uint64_t signature = 0;
    char text[480] = {};

    void set_text(std::string_view from) { from.copy(text, std::min(from.size(), sizeof text - 1)); }
    transport_failure failure() const {
        return {static_cast<transport_failure::kind>(why), about, std::string(text), signature, 0, true};
    }
};
static_assert(std::is_trivially_copyable_v<mpi_control_message>);

class mpi_control {
public:
    /// `on` must outlive this object's use, `close` must be called before it is freed.
    explicit mpi_control(MPI_Comm on) : on_(on) { listen(); }

    void send(int peer, mpi_control_message const& message) {
        auto const& kept = outgoing_.emplace_back(message);
        auto& request = requests_.emplace_back(MPI_REQUEST_NULL);
        MPI_Isend(&kept, sizeof kept, MPI_BYTE, peer, 0, on_, &request);
    }

    /// The next message that arrived, if any.
    std::optional<mpi_control_message> receive() {
        int there = 0;
        if (listening_ == MPI_REQUEST_NULL) return std::nullopt;
        if (MPI_Test(&listening_, &there, MPI_STATUS_IGNORE) != MPI_SUCCESS || there == 0) return std::nullopt;
        auto const result = incoming_;
        listen();
        return result;
    }

    /// Pushes what was sent; true once all of it is out.
    bool flush() {
        int done = 1;
        if (!requests_.empty())
            MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
        return done != 0;
    }

    void close() {
        if (listening_ == MPI_REQUEST_NULL) return;
        MPI_Cancel(&listening_);
        MPI_Wait(&listening_, MPI_STATUS_IGNORE);
    }

private:
    void listen() {
        require_mpi(MPI_Irecv(&incoming_, sizeof incoming_, MPI_BYTE, MPI_ANY_SOURCE, 0, on_, &listening_),
                    "MPI_Irecv");
    }

    MPI_Comm on_;
    mpi_control_message incoming_;
    MPI_Request listening_ = MPI_REQUEST_NULL;
    std::deque<mpi_control_message> outgoing_; ///< stays where it is until it is out
    std::vector<MPI_Request> requests_;
};

} // namespace chorus::detail
