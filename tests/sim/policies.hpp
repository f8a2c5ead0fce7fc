#pragma once
/// The plainest routings, so that sim/ is tested without paths/.

#include <chorus/network/policy.hpp>

#include <cstdint>
#include <random>
#include <span>
#include <string>

namespace chorus::testing {

/// A route by lot for each flow, or the one that `pick(flow)` says.
template <class Pick>
routing random_routes(topology const&, std::span<flow const> phase, std::uint64_t, Pick pick) {
    routing paths;
    for (std::uint32_t f = 0; f < phase.size(); ++f) paths.add({f, pick(phase[f]), 1.0F});
    return paths;
}
inline routing random_routes(topology const& on, std::span<flow const> phase, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    auto const count = on.clos()->routes();
    return random_routes(on, phase, seed, [&](flow const&) { return static_cast<route_id>(random() % count); });
}

inline routing spread_all(std::span<flow const> phase) {
    routing paths;
    paths.assign(phase.size(), spread);
    return paths;
}

/// The same as path policies.
struct lottery {
    std::uint64_t seed = 1;
    std::string name() const { return "lottery"; }
    routing route(topology const& on, std::span<flow const> phase) const { return random_routes(on, phase, seed); }
};
struct spreader {
    std::string name() const { return "spread"; }
    routing route(topology const&, std::span<flow const> phase) const { return spread_all(phase); }
};

} // namespace chorus::testing
