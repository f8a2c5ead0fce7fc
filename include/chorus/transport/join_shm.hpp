#pragma once
/// How the processes of one host come to share memory: rank 0 makes it and hands its descriptor to all who ask at the address
/// that it leaves in the store.

#include <chorus/transport/detail/local_socket.hpp>
#include <chorus/transport/detail/shm_job.hpp>
#include <chorus/transport/shm.hpp>
#include <chorus/transport/store.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace chorus {

namespace detail {

/// The memory of that rank's job, made by rank 0.
template <store Store>
std::shared_ptr<shm_job> meet_in_memory(Store& over, int rank, int ranks, clock::time_point until,
                                        shm_options const& how, std::string_view name) {
    if (rank < 0 || rank >= ranks) misuse({"rank ", rank, " of ", ranks});
    if (rank == 0) {
        auto job = shm_job::create(ranks, how);
        auto const door = local_socket::listen(ranks);
        over.set(name, door.address());
        for (int others = 1; others < ranks; ++others) {
            auto const guest = door.accept(until);
            if (!guest) throw timeout_error(text({"chorus: ", others, " of ", ranks, " ranks have come in time"}), {});
            guest->send("memory", job->file());
        }
        return job;
    }
    auto const address = over.get(name, until);
    if (!address) throw timeout_error("chorus: rank 0 has not come in time", {});
    auto const host = local_socket::connect(*address, until);
    descriptor file;
    if (!host.receive(until, &file) || !file.valid())
        throw timeout_error("chorus: rank 0 has not answered in time", {});
    auto job = shm_job::adopt(std::move(file));
    if (job->size() != ranks) misuse({"rank ", rank, " is one of ", ranks, " ranks, rank 0 one of ", job->size()});
    return job;
}

} // namespace detail

/// The transport of that rank. Collective over all ranks that use the store; `name` tells several jobs of one store
/// apart. A transport_error where there is too little memory or some rank does not come in time.
template <store Store>
std::unique_ptr<shm_transport> join_shm(Store& over, int rank, int ranks, clock::time_point until,
                                        shm_options const& how = {}, std::string_view name = "shm") {
    return std::make_unique<shm_transport>(detail::meet_in_memory(over, rank, ranks, until, how, name), rank, until);
}

} // namespace chorus
