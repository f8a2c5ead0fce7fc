#pragma once
/// Simulated annealing: random flows to random routes; what makes the sum of squared loads smaller is taken, what makes
/// it larger sometimes, less and less often. Starts from ECMP.
///
/// Al-Fares et al., "Hedera", NSDI 2010, does this with another neighbourhood. Clos fabrics only.

#include <chorus/network/policy.hpp>
#include <chorus/paths/ecmp.hpp>
#include <chorus/paths/route_loads.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>

namespace chorus {

struct annealing {
    std::uint32_t seed = 1;
    std::uint32_t tries = 200; ///< for every flow

    std::string name() const { return detail::text({"annealing:seed=", seed, ",tries=", tries}); }

    routing route(topology const& on, std::span<flow const> phase) const {
        if (on.clos() == nullptr) detail::misuse({"annealing: needs a Clos fabric, not ", on.text()});
        auto result = ecmp{seed}.route(on, phase);
        if (phase.empty()) return result;
        route_loads loads(on, phase);
        for (auto const& each : result.subflows())
            if (movable(each)) loads.add(phase[each.flow], each.route, static_cast<double>(phase[each.flow].bytes));
        auto const moves = std::uint64_t(tries) * phase.size();
        auto random = mix_bits(seed);
        for (std::uint64_t move = 0; move < moves; ++move) {
            auto const temperature = 2.0 * (1 - static_cast<double>(move) / static_cast<double>(moves));
            auto& one = result.subflows()[(random = mix_bits(random)) % phase.size()];
            auto const target = static_cast<route_id>((random = mix_bits(random)) % on.clos()->routes());
            if (movable(one)) consider(loads, phase[one.flow], one.route, target, temperature * temperature, random);
        }
        return result;
    }

private:
    static bool movable(subflow const& one) { return one.route < spread - 1; }

    static void consider(route_loads& loads, flow const& f, route_id& route, route_id target, double temperature,
                         std::uint64_t& random) {
        auto const bytes = static_cast<double>(f.bytes);
        auto const saved = loads.squares(f, route, -bytes);
        loads.add(f, route, -bytes);
        auto const grows = saved + loads.squares(f, target, bytes);
        random = mix_bits(random);
        auto const luck = static_cast<double>(random >> 11) * 0x1p-53;
        if (grows <= 0 || luck < std::exp(-grows / (temperature + 1e-9))) route = target;
        loads.add(f, route, bytes);
    }
};

} // namespace chorus
