#pragma once
/// Adaptive routing as switches do it: piece by piece (flowlets), every switch takes the least loaded of its own links
/// that lead on. It does not know what happens further along. One piece per flow is adaptive routing of flows.
///
/// A fluid stand-in: load is the time that the bytes assigned so far would take on the link, together with the piece at
/// hand; pieces of all flows take turns.

#include <chorus/network/policy.hpp>
#include <chorus/paths/hash.hpp>
#include <chorus/paths/walk.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace chorus {

struct flowlet {
    std::uint32_t pieces = 8; ///< of every flow, 1 to 256
    std::uint32_t seed = 1;   ///< which of equally loaded links

    std::string name() const {
        return pieces == 1 ? detail::text({"adaptive:seed=", seed})
                           : detail::text({"flowlet:pieces=", pieces, ",seed=", seed});
    }

    routing route(topology const& on, std::span<flow const> phase) const {
        routing result;
        std::vector<double> load(on.links(), 0.0);
        std::vector<route_id> taken(phase.size() * pieces);
        walker way(on);
        auto random = mix_bits(seed);
        for (std::uint32_t p = 0; p < pieces; ++p)
            for (std::size_t i = 0; i < phase.size(); ++i) {
                auto const bytes = static_cast<double>(phase[i].bytes) / pieces;
                auto const choose = [&](vertex_id, std::uint32_t count, auto const& link) {
                    random = mix_bits(random);
                    auto best = static_cast<std::uint32_t>(random % count);
                    auto const with_this = [&](std::uint32_t k) { return (load[link(k)] + bytes) / on.rate(link(k)); };
                    for (std::uint32_t k = 0; k < count; ++k)
                        if (with_this(k) < with_this(best)) best = k;
                    load[link(best)] += bytes;
                    return best;
                };
                taken[i * pieces + p] = way.walk(phase[i].source, phase[i].destination, choose, result);
            }
        result.reserve(taken.size());
        for (std::size_t i = 0; i < taken.size(); ++i)
            result.add({static_cast<std::uint32_t>(i / pieces), taken[i], 1.0F / static_cast<float>(pieces)});
        return result;
    }
};

} // namespace chorus
