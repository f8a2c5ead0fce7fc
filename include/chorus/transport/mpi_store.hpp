#pragma once
/// A store over the messages of an MPI job.

#include <chorus/transport/detail/mpi_api.hpp>
#include <chorus/transport/store.hpp>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace chorus {

/// Made and destroyed by all ranks of the communicator together. What is set is sent to everyone at once.
class mpi_store {
public:
    explicit mpi_store(MPI_Comm over) : own_(detail::mpi_communicator::duplicate(over)) {}
    mpi_store(mpi_store const&) = delete;
    mpi_store& operator=(mpi_store const&) = delete;
    /// Synchronous sends have been received when they are done; a barrier after them has everyone's received.
    ~mpi_store() {
        int done = 0;
        for (auto& each : sent_)
            for (done = 0; done == 0; receive()) MPI_Test(&each.second, &done, MPI_STATUS_IGNORE);
        MPI_Request all = MPI_REQUEST_NULL;
        MPI_Ibarrier(own_.get(), &all);
        for (done = 0; done == 0; receive()) MPI_Test(&all, &done, MPI_STATUS_IGNORE);
        own_.reset();
    }

    void set(std::string_view name, std::string_view value) {
        known_[std::string(name)] = value;
        auto const text = detail::text({name, "\n", value});
        for (int other = 0; other < own_.size(); ++other) {
            if (other == own_.rank()) continue;
            auto& [kept, request] = sent_.emplace_back(text, MPI_REQUEST_NULL);
            detail::require_mpi(MPI_Issend(kept.data(), static_cast<int>(kept.size()), MPI_BYTE, other, 0, own_.get(), &request), "MPI_Issend");
        }
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
    std::deque<std::pair<std::string, MPI_Request>> sent_; ///< stay where they are until they have been received
};

static_assert(store<mpi_store>);

} // namespace chorus
