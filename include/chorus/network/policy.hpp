#pragma once
/// The path-policy concept: who decides which way flows go. A policy is a small class; the tools, the simulator and
/// the reports take any.

#include <chorus/network/routing.hpp>

#include <concepts>
#include <functional>
#include <span>
#include <string>
#include <utility>

namespace chorus {

/// `route` gives every flow of the phase at least one sub-flow, in the order of the flows, on links that are alive (or
/// `unreachable`). The same policy, topology and phase give the same answer: what is random has a seed.
/// `name` is what reports call it: "ecmp:seed=1".
template <class P>
concept path_policy = requires(P& policy, topology const& on, std::span<flow const> phase) {
    { policy.route(on, phase) } -> std::same_as<routing>;
    { policy.name() } -> std::convertible_to<std::string>;
};

/// Any path policy, as a value.
class any_policy {
public:
    template <path_policy P>
        requires(!std::same_as<P, any_policy>)
    any_policy(P policy)
        : name_(policy.name()),
          route_([p = std::move(policy)](topology const& on, std::span<flow const> phase) mutable {
              return p.route(on, phase);
          }) {}

    std::string const& name() const { return name_; }
    routing route(topology const& on, std::span<flow const> phase) { return route_(on, phase); }

private:
    std::string name_;
    std::function<routing(topology const&, std::span<flow const>)> route_;
};

static_assert(path_policy<any_policy>);

} // namespace chorus
