// A path policy of one's own, for `chorus plan` and `chorus simulate`: the destination's number says which way (D-mod-k),
// with an option of its own. Without any planning, shifts of a full fat tree never collide; a random permutation does.
//
// Run: build/bin/chorus plan --topology fat-tree:k=8 --traffic shift:by=7 --policy by_digit:base=4 --plugin build/bin/examples/23_your_own_policy.so
//
//     build/bin/chorus simulate --job examples/network/two-jobs.json --policies ecmp,by_digit,nslb
//     --plugin build/bin/examples/23_your_own_policy.so
//
// Outside of this repository: g++ -std=c++20 -O2 -shared -fPIC -I include mine.cpp -o mine.so
#include <chorus/paths/plugin.hpp>

/// What a policy is: a name, and a route for every flow of a phase.
struct by_digit {
    std::uint32_t base = 0; ///< how many destinations in succession take different uplinks; 0: all uplinks

    std::string name() const { return base == 0 ? "by_digit" : "by_digit:base=" + std::to_string(base); }

    chorus::routing route(chorus::topology const& on, std::span<chorus::flow const> phase) const {
        if (on.clos() == nullptr) throw chorus::usage_error("by_digit: needs a Clos fabric, not " + on.text());
        auto const& shape = *on.clos();
        auto const digits = base == 0 ? shape.xs() : base;
        chorus::routing how;
        how.assign(phase.size(), 0);
        for (auto& each : how.subflows()) {
            auto const to = phase[each.flow].destination;
            each.route = shape.route({to % shape.planes, to % digits % shape.xs(), to / digits % shape.ys()});
        }
        return how;
    }
};

/// Called by the command when it has loaded the file.
extern "C" void chorus_policies(chorus::policy_catalogue& to) {
    to.add("by_digit", [](chorus::spec& from) -> chorus::any_policy { return by_digit{from.number("base", 1, 4096, 0)}; });
}
