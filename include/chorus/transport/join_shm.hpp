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

/// The transport of that rank. Collective over all ranks that use the store; `name` tells several jobs of one store apart. A
/// transport_error where there is too little memory or some rank does not come in time.
template <store Store>
std::unique_ptr<shm_transport> join_shm(Store& over, int rank, int ranks, clock::time_point until, shm_options const& how = {},
                                        std::string_view name = "shm") {
    if (rank < 0 || rank >= ranks) detail::misuse({"rank ", rank, " of ", ranks});
    std::shared_ptr<detail::shm_job> job;
    if (rank == 0) {
        job = detail::shm_job::create(ranks, how);
        auto const door = detail::local_socket::listen(ranks);
        over.set(name, door.address());
        for (int others = 1; others < ranks; ++others) {
            auto const guest = door.accept(until);
            if (!guest) throw timeout_error(detail::text({"chorus: ", others, " of ", ranks, " ranks have come in time"}), {});
            guest->send("memory", job->file());
        }
    } else {
        auto const address = over.get(name, until);
        if (!address) throw timeout_error("chorus: rank 0 has not come in time", {});
        auto const host = detail::local_socket::connect(*address, until);
        detail::descriptor file;
        if (!host.receive(until, &file) || !file.valid()) throw timeout_error("chorus: rank 0 has not answered in time", {});
        job = detail::shm_job::adopt(std::move(file));
        if (job->size() != ranks) detail::misuse({"rank ", rank, " is one of ", ranks, " ranks, rank 0 one of ", job->size()});
    }
    return std::make_unique<shm_transport>(std::move(job), rank, until);
}

} // namespace chorus
