#pragma once
/// Ranks that share memory where they share a host, and talk over verbs otherwise, as one communicator. `hierarchical{}` groups by host.

#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/routed.hpp>
#include <chorus/transport/shm.hpp>
#include <chorus/transport/verbs.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace chorus {

/// `hosts`: a number for each rank, equal where two share a host, the same on all of them. Collective over all ranks that use the store.
/// Throws like join_shm and join_verbs.
template <store Store>
communicator join_verbs_hosts(Store& over, int rank, std::vector<int> hosts, options const& how = {},
                              verbs_options const& device = verbs_options::from_environment(), shm_options const& memory = {}) {
    auto const size = static_cast<int>(hosts.size());
    if (rank < 0 || rank >= size) detail::misuse({"rank ", rank, " of ", size});
    auto const here = hosts[static_cast<std::size_t>(rank)];
    auto const neighbours = static_cast<int>(std::count(hosts.begin(), hosts.end(), here));
    auto const number = static_cast<int>(std::count(hosts.begin(), hosts.begin() + rank, here));
    auto const until = detail::deadline_of(how);
    auto near = join_shm(over, number, neighbours, until, memory, detail::text({"shm.", here}));
    auto far = std::make_unique<verbs_transport>(over, rank, size, until, device);
    auto both = std::make_unique<routed<shm_transport, verbs_transport>>(std::move(near), std::move(far), std::move(hosts));
    return communicator(std::make_shared<context>(any_transport::own(std::move(both)), how));
}

} // namespace chorus
