#pragma once
/// The control channel of the MPI transport: small messages that say why somebody gives up, and what was called. They
/// travel on a communicator of their own and are read only where a rank waits in vain, so that they cost nothing as
/// long as all is well.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/detail/mpi_questions.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace chorus::detail {

struct mpi_control_message {
    enum class kind : std::int32_t {
        revoke, ///< everyone gives up, for the reason given
        left,   ///< the sender is about to leave; bad only for those who wait for it
        ask,    ///< the sender called this, and waits for the receiver there
        same,   ///< so did I
        differ, ///< I called something else there
        later,  ///< I cannot say: nothing yet, as far as I remember
    };
    kind what = kind::revoke;
    std::int32_t sender = -1;
    std::int32_t why = 0;    ///< transport_failure::kind
    std::int32_t about = -1; ///< transport_failure::rank
    std::uint64_t signature = 0; ///< what the sender called
    std::uint64_t asked = 0;     ///< in an answer: what the receiver called
    mpi_place place;             ///< and where
    char text[480] = {};         ///< last: what follows its end is not sent

    void set_text(std::string_view from) { from.copy(text, std::min(from.size(), sizeof text - 1)); }
    std::size_t bytes() const { return offsetof(mpi_control_message, text) + std::strlen(text) + 1; }
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
        flush();
        auto& [kept, request] = outgoing_.emplace_back(message, MPI_REQUEST_NULL);
        MPI_Isend(&kept, static_cast<int>(kept.bytes()), MPI_BYTE, peer, 0, on_, &request);
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

    /// Pushes what was sent, and forgets what is out.
    void flush() {
        for (int done = 1; !outgoing_.empty(); outgoing_.pop_front()) {
            MPI_Test(&outgoing_.front().second, &done, MPI_STATUS_IGNORE);
            if (done == 0) return;
        }
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
    std::deque<std::pair<mpi_control_message, MPI_Request>> outgoing_; ///< stay where they are until they are out
};

} // namespace chorus::detail
