#pragma once
/// The planner: paths for all flows of a phase at once.

#include <chorus/network/policy.hpp>
#include <chorus/paths/clos_colouring.hpp>

#include <span>
#include <string>
#include <vector>

namespace chorus {

struct nslb {
    std::string name() const { return "nslb"; }

    routing route(topology const& on, std::span<flow const> phase) {
        routing result;
        std::vector<route_id> routes(phase.size());
        colouring_.colour(*on.clos(), phase, routes);
        result.assign(phase.size(), 0);
        for (std::size_t i = 0; i < phase.size(); ++i) result.subflows()[i].route = routes[i];
        return result;
    }

private:
    clos_colouring colouring_;
};

} // namespace chorus
