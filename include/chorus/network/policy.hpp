#pragma once
/// The path-policy concept: who decides which way flows go. A policy is a small class; the tools, the simulator and
/// the reports take any.

#include <chorus/network/routing.hpp>

#include <concepts>
#include <functional>
#include <memory>
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

/// A policy that may want to know all traffic before the first phase. If `looks_ahead()`, whoever knows the traffic calls
/// `plan_ahead` once, before `route`; where nobody knows it, `route` must do without.
template <class P>
concept plans_ahead = path_policy<P> && requires(P& policy, topology const& on, std::span<strand const> all) {
    { policy.looks_ahead() } -> std::same_as<bool>;
    policy.plan_ahead(on, all);
};

/// Any path policy, as a value. Copies share the policy.
class any_policy {
public:
    template <path_policy P>
        requires(!std::same_as<P, any_policy>)
    any_policy(P policy) : name_(policy.name()) {
        auto const shared = std::make_shared<P>(std::move(policy));
        route_ = [shared](topology const& on, std::span<flow const> phase) { return shared->route(on, phase); };
        if constexpr (plans_ahead<P>)
            if (shared->looks_ahead())
                plan_ = [shared](topology const& on, std::span<strand const> all) { shared->plan_ahead(on, all); };
    }

    std::string const& name() const { return name_; }
    routing route(topology const& on, std::span<flow const> phase) { return route_(on, phase); }
    bool looks_ahead() const { return plan_ != nullptr; }
    /// Precondition: looks_ahead().
    void plan_ahead(topology const& on, std::span<strand const> all) { plan_(on, all); }

private:
    std::string name_;
    std::function<routing(topology const&, std::span<flow const>)> route_;
    std::function<void(topology const&, std::span<strand const>)> plan_;
};

static_assert(plans_ahead<any_policy>);

} // namespace chorus
