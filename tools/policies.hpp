#pragma once
/// The path policies that a run of `chorus` knows: the built-in ones and those of plugins.

#include <chorus/network/topology.hpp>
#include <chorus/paths/plugin.hpp>
#include <chorus/traffic/scenario.hpp>

#include <string>
#include <vector>

namespace chorus::tools {

/// Loads the plugins; an environment_error names the first that cannot be.
policy_catalogue load_policies(std::vector<std::string> const& plugins);

/// The same; a usage_error where the policy that a plan's file names is none of them.
policy_catalogue known_policies(std::vector<std::string> const& plugins, std::string const& file, std::string const& policy);

/// Throws usage_error with the place in a file of jobs where it names a policy or a link that there is not.
void check_names(traffic::scenario const& from, std::string const& file, topology const& on, policy_catalogue const& known);

} // namespace chorus::tools
