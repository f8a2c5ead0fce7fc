#pragma once

#include <chrono>
#include <cstddef>

namespace chorus {

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
};

} // namespace chorus
