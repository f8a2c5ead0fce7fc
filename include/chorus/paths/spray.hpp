#pragma once
/// Packet spraying: every packet of a flow takes a path of its own.
///
///   oblivious   all paths alike: the slowest link among them holds the flow back
///   recycled    entropies that met no congestion are used again, so that slow links carry less (as REPS does)
///
/// On a Clos a sprayed flow is one sub-flow over all routes. Elsewhere it is `paths` sub-flows on random shortest
/// paths.
///
/// Bonato et al., "REPS: Recycled Entropy Packet Spraying", arXiv 2407.21625.

#include <chorus/network/policy.hpp>
#include <chorus/paths/hash.hpp>
#include <chorus/paths/walk.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace chorus {

struct spray {
    bool recycled = false;
    std::uint32_t paths = 16;
    std::uint32_t seed = 1;

    std::string name() const { return recycled ? "reps" : "spray"; }

    routing route(topology const& on, std::span<flow const> phase) const {
        routing result;
        result.how_spread = recycled ? spreading::adaptive : spreading::even;
        if (on.clos() != nullptr)
            spray_clos(on, phase, result);
        else
            spray_graph(on, phase, result);
        return result;
    }

private:
    /// Where no path at all is alive, a flow is unreachable.
    static void spray_clos(topology const& on, std::span<flow const> phase, routing& result) {
        result.assign(phase.size(), spread);
        if (on.healthy()) return;
        walker way(on);
        auto const first = [](vertex_id, std::uint32_t, auto const&) { return 0U; };
        routing ignored;
        for (std::size_t i = 0; i < phase.size(); ++i)
            if (way.walk(phase[i].source, phase[i].destination, first, ignored) == unreachable)
                result.subflows()[i].route = unreachable;
    }

    void spray_graph(topology const& on, std::span<flow const> phase, routing& result) const {
        walker way(on);
        auto random = mix_bits(seed);
        auto const choose = [&](vertex_id, std::uint32_t count, auto const&) {
            random = mix_bits(random);
            return static_cast<std::uint32_t>(random % count);
        };
        for (std::uint32_t i = 0; i < phase.size(); ++i)
            for (std::uint32_t p = 0; p < paths; ++p) {
                auto const taken = way.walk(phase[i].source, phase[i].destination, choose, result);
                result.add({i, taken, 1.0F / static_cast<float>(paths)});
            }
    }
};

} // namespace chorus
