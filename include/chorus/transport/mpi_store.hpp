#pragma once
/// A store over the messages of an MPI job.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/store.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace chorus {

/// Made and destroyed by all ranks of the communicator together. `set` sends to everyone and returns when all have it,
/// so that this rank may go and wait elsewhere: MPI sends on only while somebody calls it. So every rank must sooner or
/// later set, get or end.
class mpi_store {
public:
    explicit mpi_store(MPI_Comm over) : own_(detail::mpi_communicator::duplicate(over)) {}
    mpi_store(mpi_store const&) = delete;
    mpi_store& operator=(mpi_store const&) = delete;
    /// What was set has been received; a barrier has everyone's.
    ~mpi_store() {
        MPI_Request all = MPI_REQUEST_NULL;
        MPI_Ibarrier(own_.get(), &all);
        finish(all);
        own_.reset();
    }

    void set(std::string_view name, std::string_view value) {
        known_[std::string(name)] = value;
        auto const text = detail::text({name, "\n", value});
        std::vector<MPI_Request> sent(static_cast<std::size_t>(own_.size()), MPI_REQUEST_NULL);
        for (int other = 0; other < own_.size(); ++other) {
            if (other == own_.rank()) continue;
            auto& request = sent[static_cast<std::size_t>(other)];
            detail::require_mpi(
                MPI_Issend(text.data(), static_cast<int>(text.size()), MPI_BYTE, other, 0, own_.get(), &request),
                "MPI_Issend");
        }
        for (auto& each : sent) detail::require_mpi(finish(each), "MPI_Test");
    }
    std::optional<std::string> get(std::string_view name, clock::time_point until) {
        for (;;) {
            if (auto const found = known_.find(std::string(name)); found != known_.end()) return found->second;
            if (receive()) continue;
            if (clock::now() > until) return std::nullopt;
            std::this_thread::yield();
        }
    }

private:
    /// Takes what comes meanwhile: the others may do the same.
    int finish(MPI_Request& what) {
        for (int done = 0;;) {
            if (auto const code = MPI_Test(&what, &done, MPI_STATUS_IGNORE); code != MPI_SUCCESS || done != 0)
                return code;
            if (!receive()) std::this_thread::yield();
        }
    }
    bool receive() {
        int there = 0;
        MPI_Status what;
        MPI_Iprobe(MPI_ANY_SOURCE, 0, own_.get(), &there, &what);
        if (there == 0) return false;
        std::string text(detail::received_bytes(what), '\0');
        MPI_Recv(text.data(), static_cast<int>(text.size()), MPI_BYTE, what.MPI_SOURCE, 0, own_.get(), MPI_STATUS_IGNORE);
        auto const end = text.find('\n');
        known_[text.substr(0, end)] = text.substr(end + 1);
        return true;
    }

    detail::mpi_communicator own_;
    std::map<std::string, std::string> known_;
};

static_assert(store<mpi_store>);

} // namespace chorus
