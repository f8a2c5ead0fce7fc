#pragma once
/// What was measured of a machine, and agreed on by the ranks of a communicator.

#include <chorus/core/collective.hpp>
#include <chorus/transport/transport.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace chorus {

/// How long one algorithm took for one call (runtime/measure.hpp says what of).
struct measured_time {
    collective what = collective::all_reduce;
    std::size_t bytes = 0; ///< of a vector, or of all blocks together (docs/bench.md)
    std::string algorithm;
    double seconds = 0;
};

/// Equal on all ranks of the communicator that adopted it; its parts inherit it.
struct tuning_table {
    std::string source;        ///< for people: "calibration", "a tuning file"
    int ranks = 0;             ///< `times` are of that many ranks; other communicators use `speed` alone
    bool calibrated = false;   ///< `speed` was measured; otherwise it is what the transport says of itself
    transport_estimates speed;
    double flag_latency = 0;   ///< seconds: half of the shortest round trip between ranks 0 and 1
    double copy_per_byte = 0;  ///< seconds: memcpy, by all ranks at once
    std::vector<measured_time> times;

    /// Seconds, interpolated between the sizes that were measured and constant beyond them; negative where there are none.
    double measured(collective what, int of_ranks, std::string_view algorithm, std::size_t bytes) const {
        measured_time const *below = nullptr, *above = nullptr;
        for (auto const& each : times) {
            if (of_ranks != ranks || each.what != what || each.algorithm != algorithm) continue;
            if (each.bytes <= bytes && (below == nullptr || each.bytes > below->bytes)) below = &each;
            if (each.bytes >= bytes && (above == nullptr || each.bytes < above->bytes)) above = &each;
        }
        if (below == nullptr || above == nullptr) return below != nullptr ? below->seconds : above != nullptr ? above->seconds : -1;
        if (above->bytes == below->bytes) return below->seconds;
        auto const share = static_cast<double>(bytes - below->bytes) / static_cast<double>(above->bytes - below->bytes);
        return below->seconds + share * (above->seconds - below->seconds);
    }

    /// Adds it in place of what was known.
    void note(measured_time what) {
        for (auto& each : times)
            if (each.what == what.what && each.bytes == what.bytes && each.algorithm == what.algorithm) {
                each.seconds = what.seconds;
                return;
            }
        times.push_back(static_cast<measured_time&&>(what));
    }
};

} // namespace chorus
