#pragma once

#include <chorus/core/errors.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace chorus {

class any_transport;

/// Options of a context, the same on all ranks.
struct options {
    /// A wait that sees no progress for so long gives up with a timeout_error. The last resort: failures that a
    /// transport can detect are reported at once. Positive; ten years and more are for ever.
    std::chrono::milliseconds timeout = std::chrono::minutes(5);
    /// Compare what all ranks call before any data move; costs one small exchange per collective.
    bool checked = false;
    /// Messages that are folded are cut into segments of about this size, so that moving and folding overlap; 0: as
    /// the transport recommends.
    std::size_t segment_bytes = 0;
    /// Algorithms of calls that name none: "all_reduce=ring;all_gather:>64K=bruck" (tuning/rules.hpp). Empty: chosen by
    /// the library. The environment's CHORUS_ALGORITHM, read the same way, has the last word.
    std::string algorithms = {};
    /// The least level of determinism of every call, 1 to 4 (docs/determinism.md); a call can ask for more.
    int determinism = 2;
    /// Puts something between runtime and transport: `traced` (runtime/trace.hpp).
    std::unique_ptr<any_transport> (*wrap)(std::unique_ptr<any_transport>) = nullptr;
};

namespace detail {

/// The longest wait: added to now, more would overflow.
inline constexpr std::chrono::milliseconds for_ever = std::chrono::hours(24 * 3650);

/// How long a wait may go on without progress. Throws a usage_error for options that no context can keep.
inline std::chrono::milliseconds patience_of(options const& how) {
    if (how.timeout.count() <= 0) misuse({"options::timeout must be positive, not ", how.timeout.count(), " ms"});
    if (how.determinism < 1 || how.determinism > 4) misuse({"options::determinism: levels are 1 to 4, not ", how.determinism});
    return std::min(how.timeout, for_ever);
}
/// When something that begins now gives up.
inline std::chrono::steady_clock::time_point deadline_of(options const& how) { return std::chrono::steady_clock::now() + patience_of(how); }

} // namespace detail

} // namespace chorus
