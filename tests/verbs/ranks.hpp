#pragma once
/// Ranks over verbs: processes that find each other through files.

#include "support/ranks.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/transport/verbs.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace chorus::testing {

/// A folder of its own, for the time of its life.
class scratch_folder {
public:
    scratch_folder() {
        std::string path = (std::filesystem::temp_directory_path() / "chorus-verbs-XXXXXX").string();
        if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no folder");
        path_ = path;
    }
    scratch_folder(scratch_folder const&) = delete;
    scratch_folder& operator=(scratch_folder const&) = delete;
    ~scratch_folder() { std::filesystem::remove_all(path_); }
    std::string const& path() const { return path_; }

private:
    std::string path_;
};

/// f(communicator&) on so many ranks. Returns the first that was thrown, as text; empty where nothing was.
template <class F>
std::string thrown_over_verbs(int ranks, F f, std::function<verbs_options(int rank)> device = {}, options how = patient()) {
    scratch_folder const meeting;
    return thrown_by_processes(ranks, how, [&](communicator& processes) {
        file_store over(meeting.path());
        auto const rank = processes.rank();
        auto comm = join_verbs(over, rank, ranks, how, device ? device(rank) : verbs_options::from_environment());
        f(comm);
    });
}

/// f(communicator&, verbs_transport&) on so many ranks, for what only the transport tells. Returns the first that was thrown, as text.
template <class F>
std::string thrown_by_transports(int ranks, verbs_options const& device, F f) {
    scratch_folder const meeting;
    return thrown_by_processes(ranks, patient(), [&](communicator& processes) {
        file_store over(meeting.path());
        auto made = std::make_unique<verbs_transport>(over, processes.rank(), ranks, chorus::clock::now() + std::chrono::seconds(20), device);
        auto& transport = *made;
        auto const owner = std::make_shared<context>(any_transport::own(std::move(made)), patient());
        {
            communicator comm(owner);
            f(comm, transport);
        }
        owner->close();
    });
}

} // namespace chorus::testing
