#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace chorus {

class any_transport;

/// Options of a context, the same on all ranks.
struct options {
    /// A wait that sees no progress for so long gives up with a timeout_error. The last resort: failures that a
    /// transport can detect are reported at once.
    std::chrono::milliseconds timeout = std::chrono::minutes(5);
    /// Compare what all ranks call before any data move; costs one small exchange per collective.
    bool checked = false;
    /// Messages that are folded are cut into segments of about this size, so that moving and folding overlap; 0: as
    /// the transport recommends.
    std::size_t segment_bytes = 0;
    /// Algorithms of calls that name none: "all_reduce=ring;all_gather:>64K=bruck" (tuning/rules.hpp). Empty: chosen by
    /// the library. The environment's CHORUS_ALGORITHM, read the same way, has the last word.
    std::string algorithms = {};
    /// The least level of determinism of every call, 2 to 4 (docs/determinism.md); a call can ask for more.
    int determinism = 2;
    /// Puts something between runtime and transport: `traced` (runtime/trace.hpp).
    std::unique_ptr<any_transport> (*wrap)(std::unique_ptr<any_transport>) = nullptr;
};

} // namespace chorus
