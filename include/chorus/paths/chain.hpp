#pragma once
/// A place for a flow by chains: it takes the least loaded route, and where that is above the maximum load it drives others out, which
/// look for routes in turn. By lot, of bounded length, for flows of any size.
///
///   cost   O(routes) for a place that is free, O(chain * routes) otherwise

#include <chorus/paths/occupancy.hpp>
#include <chorus/paths/xorshift.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace chorus::detail {

class chain {
public:
    static constexpr std::size_t longest = 100, most_offers = 20'000;

    /// How a route would be with one more flow.
    struct offer {
        route_id route = unreachable;
        double worst = std::numeric_limits<double>::infinity();  ///< load of its most loaded link
        double excess = std::numeric_limits<double>::infinity(); ///< weight above the maximum, over all its links
    };

    explicit chain(occupancy& flows) : flows_(flows), on_(flows.on()) {}

    /// The least loaded of all routes.
    offer least_loaded(std::uint32_t i) { return best_route(i, 0, false); }

    /// Finds a place for a flow that has none. False, and nothing changed, when the chain does not end.
    bool place(std::uint32_t start, double most) {
        auto const mark = flows_.moves().size();
        std::vector<std::uint32_t> homeless{start};
        auto const limit = std::clamp<std::size_t>(most_offers / on_.clos()->routes(), 1, longest);
        for (std::size_t moves = 0; !homeless.empty() && moves < limit; ++moves) {
            auto const i = homeless.back();
            auto const best = best_route(i, most, true);
            if (best.route == unreachable) break;
            homeless.pop_back();
            flows_.put(i, best.route);
            auto const placed = flows_.hops(i, best.route);
            std::vector<link_id> const links(placed.begin(), placed.end());
            for (auto const l : links) drive_out(l, most, homeless, i);
        }
        if (homeless.empty()) return true;
        flows_.undo(mark);
        return false;
    }

    /// Takes flows off the link until it is not loaded above the maximum; `but` stays.
    void drive_out(link_id l, double most, std::vector<std::uint32_t>& moved, std::size_t but = occupancy::none) {
        while (flows_.room(l, most) < -1e-9) {
            auto out = occupancy::none;
            std::uint64_t seen = 0;
            flows_.visit(l, [&](std::uint32_t i) { // any of them, by lot
                if (i != but && random_() % ++seen == 0) out = i;
                return false;
            });
            if (out == occupancy::none) return;
            flows_.take(out);
            moved.push_back(out);
        }
    }

private:
    /// The best of all routes for a flow: the least loaded, or in a chain the one where the least must make room.
    offer best_route(std::uint32_t i, double most, bool in_chain) {
        auto const& c = *on_.clos();
        auto const& f = flows_.at(i);
        auto const from = c.edge_of(f.source), to = c.edge_of(f.destination);
        auto const local = from == to || (c.bus && c.host_of(f.source) == c.host_of(f.destination));
        auto const xs = local ? 1 : c.xs(), ys = !local && c.pod_of_edge(from) != c.pod_of_edge(to) ? c.ys() : 1;
        auto const turn = random_();
        auto const first_x = static_cast<std::uint32_t>(turn % xs),
                   first_y = static_cast<std::uint32_t>((turn >> 32) % ys);
        offer best;
        for (std::uint32_t plane = 0; plane < c.planes; ++plane)
            for (std::uint32_t x = 0; x < xs; ++x)
                for (std::uint32_t y = 0; y < ys; ++y) {
                    auto const one = judge(i, c.route({plane, (first_x + x) % xs, (first_y + y) % ys}), most);
                    auto const better = in_chain ? one.excess < best.excess : one.worst < best.worst;
                    if (better) best = one;
                    if (!in_chain && best.worst <= flows_.weight(i)) return best; // nothing else is on it
                }
        return best;
    }
    offer judge(std::uint32_t i, route_id route, double most) {
        offer one{route, 0, 0};
        for (auto const l : flows_.hops(i, route)) {
            if (!on_.alive(l)) return {};
            one.worst = std::max(one.worst, flows_.load(l, flows_.weight(i)));
            auto const full = flows_.weight(i) - flows_.room(l, most);
            auto const alone = full - flows_.weight_on(l) <= 1e-9; // it would fit, were it alone
            one.excess += alone ? std::max(0.0, full) : std::numeric_limits<double>::infinity();
        }
        return one;
    }

    occupancy& flows_;
    topology const& on_;
    xorshift random_;
};

} // namespace chorus::detail
