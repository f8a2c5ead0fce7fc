#pragma once
/// What the network is asked to carry.

#include <cstdint>
#include <vector>

namespace chorus {

using endpoint_id = std::uint32_t; ///< a NIC, from 0: also its vertex in the topology

/// Bytes from one endpoint to another. A *phase* is a span of flows that are under way together; a flow is named by its
/// index in it.
struct flow {
    endpoint_id source = 0;
    endpoint_id destination = 0;
    std::uint64_t bytes = 1;
    std::uint32_t tag = 0; ///< tells flows of one pair apart (job, communicator): enters the hash of ECMP-like policies

    friend bool operator==(flow const&, flow const&) = default;
};

/// Phases of which one at a time is under way, such as those of one communicator. Several strands may be under way at
/// once, each at any of its phases.
struct strand {
    std::vector<std::vector<flow>> phases;
};

} // namespace chorus
