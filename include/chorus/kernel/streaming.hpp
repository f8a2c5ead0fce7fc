#pragma once
/// Whether folds into other ranks' memory, and long copies, write through the caches or past them.
///
/// Through the caches a line that another core has must be fetched first. Where cores are near each other that is cheap, and
/// the reader finds the line; where they are far, or the vectors larger than the caches, writing past them is up to twice
/// as fast. Virtual machines move between the two, so that it is found out while running: both ways are tried, the faster
/// one stays, and the other one is tried again now and then. The bits are the same, so that ranks need not agree.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace chorus::detail {

class streaming_choice {
public:
    static constexpr std::size_t least_bytes = 4096; ///< below, nothing is measured and nothing streamed
    static constexpr unsigned first_tries = 4, try_every = 64;

    /// For the next fold or copy of so many bytes.
    bool next(std::size_t bytes) {
        if (bytes < least_bytes) return false;
        auto& size = of(bytes);
        auto const call = size.calls++;
        if (call < first_tries) return call % 2 != 0;
        auto const better = size.cost[1] < size.cost[0];
        return call % try_every == 0 ? !better : better;
    }
    /// It took that long. Remembered is the least time per byte, which grows a little with every measurement: a fold that was
    /// interrupted says nothing, and what was fast once need not be for ever.
    void note(std::size_t bytes, bool streamed, double time) {
        if (bytes < least_bytes) return;
        auto& cost = of(bytes).cost[streamed ? 1 : 0];
        auto const now = static_cast<float>(time / static_cast<double>(bytes));
        cost = cost == 0 ? now : std::min(now, cost * 1.02f);
    }

private:
    struct size_class {
        std::array<float, 2> cost{}; ///< per byte, through the caches and past them
        std::uint32_t calls = 0;
    };
    size_class& of(std::size_t bytes) { return sizes_[std::min(static_cast<std::size_t>(std::bit_width(bytes / least_bytes)), sizes_.size()) - 1]; }

    std::array<size_class, 16> sizes_;
};

} // namespace chorus::detail
