#pragma once
/// A path policy of one's own, given to `chorus plan` and `chorus simulate` as a shared object:
///
///     // mine.cpp: every flow takes the route of its destination's number
///     #include <chorus/paths/plugin.hpp>
///
///     struct by_destination {
///         std::string name() const { return "by_destination"; }
///         chorus::routing route(chorus::topology const& on, std::span<chorus::flow const> phase) const {
///             chorus::routing how;
///             how.assign(phase.size(), 0);
///             for (auto& each : how.subflows()) each.route = phase[each.flow].destination % on.clos()->routes();
///             return how;
///         }
///     };
///     extern "C" void chorus_policies(chorus::policy_catalogue& to) {
///         to.add("by_destination", [](chorus::spec&) -> chorus::any_policy { return by_destination{}; });
///     }
///
/// It compiles with the headers alone, and is used under its name beside the built-in policies:
///
///     g++ -std=c++20 -O2 -shared -fPIC -I include mine.cpp -o mine.so
///     chorus plan --topology fat-tree:k=8 --policy by_destination --plugin ./mine.so

#include <chorus/paths/parse.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace chorus {

/// The built-in policies and those that were added.
class policy_catalogue {
public:
    /// Asks for the options of its text, such as from.number("seed", 0, 99, 1), and makes the policy.
    using maker = any_policy (*)(spec& from);

    /// Throws usage_error if there is one of that name, or if a plugin was compiled from other headers than the program
    /// that loads it.
    void add(std::string_view name, maker make) {
        if (layout_ != layout())
            throw usage_error("it was compiled from other headers of Chorus than this command");
        auto const taken = (", " + names() + ",").find(text_between_commas(name)) != std::string::npos;
        if (taken) throw usage_error("there already is a policy '" + std::string(name) + "'");
        added_.push_back({std::string(name), make});
    }
    std::size_t added() const { return added_.size(); }

    /// All names, for people.
    std::string names() const {
        std::string all(policy_names);
        for (auto const& each : added_) all += ", " + each.name;
        return all;
    }

    /// The policy that the text describes. Throws usage_error that says what is wrong and what is allowed.
    any_policy parse(std::string_view text) const {
        spec from(text);
        for (auto const& each : added_)
            if (each.name == from.name()) {
                auto policy = each.make(from);
                from.done();
                return policy;
            }
        auto const known = (", " + std::string(policy_names) + ",").find(text_between_commas(from.name()));
        if (known == std::string::npos)
            detail::misuse({"there is no policy '", from.name(), "'; allowed are ", names()});
        return parse_policy(text);
    }

private:
    struct entry {
        std::string name;
        maker make;
    };

    static std::string text_between_commas(std::string_view name) { return ", " + std::string(name) + ","; }
    /// Both sides of the boundary must have the same.
    static constexpr std::size_t layout() {
        return ((sizeof(topology) * 1024 + sizeof(routing)) * 1024 + sizeof(any_policy)) * 1024 + sizeof(spec);
    }

    std::size_t layout_ = layout();
    std::vector<entry> added_;
};

} // namespace chorus

/// What the shared object must define.
extern "C" void chorus_policies(chorus::policy_catalogue& to);
