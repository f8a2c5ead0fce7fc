#pragma once
/// A barrier moves no data, so what is proven of it is who hears of whom: no rank may leave before all have entered.

#include <chorus/verify/explain.hpp>
#include <chorus/verify/program.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chorus::proof {

/// `order`: every step after its predecessors and every receive after its send (progress.hpp).
inline std::optional<fault> early_leaver(program const& all, std::span<std::int32_t const> order) {
    auto const p = all.ranks().size(), words = (p + 63) / 64;
    std::vector<std::uint64_t> heard(all.steps().size() * words, 0); // row s: who has entered when step s is finished
    std::vector<std::uint64_t> finally(p * words, 0);                // row r: who has entered when rank r leaves
    auto const join = [&](std::uint64_t* into, std::uint64_t const* from) {
        for (std::size_t w = 0; w < words; ++w) into[w] |= from[w];
    };
    auto const row = [&](std::int32_t s) { return heard.data() + static_cast<std::size_t>(s) * words; };
    auto const enter = [](std::uint64_t* into, std::size_t r) { into[r / 64] |= std::uint64_t{1} << (r % 64); };

    for (auto const s : order) {
        auto const& step = all[s];
        auto const rank = static_cast<std::size_t>(step.rank);
        enter(row(s), rank);
        for (auto const before : all.predecessors(step)) join(row(s), row(all.first_step(step.rank) + before));
        if (step.previous >= 0) join(row(s), row(step.previous));
        if (step.text->receives()) join(row(s), row(step.partner));
        join(finally.data() + rank * words, row(s));
    }
    for (std::size_t r = 0; r < p; ++r) {
        enter(finally.data() + r * words, r);
        for (std::size_t other = 0; other < p; ++other)
            if ((finally[r * words + other / 64] >> (other % 64) & 1) == 0)
                return fault{static_cast<int>(r), -1,
                             "rank " + std::to_string(r) + " may leave the barrier before rank " +
                                 std::to_string(other) + " has entered it: no chain of messages leads from " +
                                 std::to_string(other) + " to " + std::to_string(r)};
    }
    return std::nullopt;
}

} // namespace chorus::proof
