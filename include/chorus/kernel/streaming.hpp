#pragma once
/// Whether folds into other ranks' memory, and copies, write through the caches or past them.
///
/// Through the caches a line that another core has must be fetched first. Where cores are near each other that is cheap, and
/// the reader finds the line; where they are far, or the vectors larger than the caches, writing past them is two to eight times
/// as fast. Virtual machines move between the two, so that it is found out while running: both ways are tried, the faster
/// one stays, and the other one is tried again now and then, and when this one has become slower. The bits are the same, so that
/// ranks need not agree.

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace chorus::detail {

class streaming_choice {
public:
    static constexpr std::size_t least_bytes = 8192; ///< below, nothing is measured and nothing streamed
    static constexpr unsigned first_tries = 12, try_every = 256; ///< the first ones may meet pages that nobody has touched

    /// Past the caches only where that takes less than 1 / `price` of the time: what others read right afterwards they must
    /// fetch from memory then. Nothing shorter than `least`.
    explicit streaming_choice(float price = 1, std::size_t least = least_bytes) : price_(price), least_(std::max(least, least_bytes)) {}
    /// For copies into the memory of the program, which is going to read them: below 2 MiB they stay in its caches.
    static streaming_choice of_long_copies() { return streaming_choice(1, std::size_t{2} << 20); }

    /// For the next fold or copy of so many bytes.
    bool next(std::size_t bytes) {
        if (bytes < least_) return false;
        auto& size = of(bytes);
        auto const call = size.calls++;
        if (call < first_tries) return call % 2 != 0;
        auto const better = size.cost[1] * price_ < size.cost[0];
        auto const now = size.cost[better ? 1 : 0];
        if (call % try_every != 0 && now <= slower * size.compared) return better;
        size.compared = now;
        return !better;
    }
    /// It took that long. Remembered is the least time per byte, which grows with every measurement: a fold that was interrupted says
    /// little, and what was fast once need not be for ever.
    void note(std::size_t bytes, bool streamed, double time) {
        if (bytes < least_) return;
        auto& cost = of(bytes).cost[streamed ? 1 : 0];
        auto const now = static_cast<float>(time / static_cast<double>(bytes));
        cost = cost == 0 ? now : std::min(now, cost * 1.1f);
    }
    /// Does it: calls work(past_caches), and looks at the clock unless it is short.
    void measure(std::size_t bytes, auto const& work) {
        if (bytes < least_) return work(false);
        auto const past_caches = next(bytes);
        auto const begin = std::chrono::steady_clock::now();
        work(past_caches);
        note(bytes, past_caches, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }

private:
    static constexpr float slower = 1.5;

    struct size_class {
        std::array<float, 2> cost{}; ///< per byte, through the caches and past them
        float compared = 0;          ///< what the better one cost when the other one was tried last
        std::uint32_t calls = 0;
    };
    size_class& of(std::size_t bytes) { return sizes_[std::min(static_cast<std::size_t>(std::bit_width(bytes / least_bytes)), sizes_.size() - 1)]; }

    float price_;
    std::size_t least_;
    std::array<size_class, 16> sizes_;
};

} // namespace chorus::detail
