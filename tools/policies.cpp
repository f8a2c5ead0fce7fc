#include "policies.hpp"

#include "plugin.hpp"

#include <chorus/network/file.hpp>

#include <fmt/format.h>

#include <cstddef>

namespace chorus::tools {

policy_catalogue load_policies(std::vector<std::string> const& plugins) {
    policy_catalogue all;
    for (auto const& path : plugins) {
        auto* const symbol = load_symbol(path, "chorus_policies", "void chorus_policies(chorus::policy_catalogue&)");
        auto const before = all.added();
        try {
            reinterpret_cast<decltype(&chorus_policies)>(symbol)(all);
        } catch (error const& e) {
            cannot_load(path, e.what());
        }
        if (all.added() == before) cannot_load(path, "it adds no policy");
    }
    return all;
}

policy_catalogue known_policies(std::vector<std::string> const& plugins, std::string const& file, std::string const& policy) {
    auto all = load_policies(plugins);
    told_with_place(file + ": /policy", [&] { return all.parse(policy); });
    return all;
}

void check_names(traffic::scenario const& from, std::string const& file, topology const& on, policy_catalogue const& known) {
    for (std::size_t i = 0; i < from.policies.size(); ++i)
        told_with_place(fmt::format("{}: /policies/{}", file, i), [&] { return known.parse(from.policies[i]); });
    for (std::size_t i = 0; i < from.links.size(); ++i)
        told_with_place(fmt::format("{}: /links/{}/link", file, i), [&] { return on.find_link(from.links[i].link); });
}

} // namespace chorus::tools
