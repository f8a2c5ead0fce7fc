#pragma once
/// The path policies that a run of `chorus` knows: the built-in ones and those of plugins.

#include <chorus/paths/plugin.hpp>

#include <string>
#include <vector>

namespace chorus::tools {

/// Loads the plugins; an environment_error names the first that cannot be.
policy_catalogue load_policies(std::vector<std::string> const& plugins);

/// The same; a usage_error where the policy that a plan's file names is none of them.
policy_catalogue known_policies(std::vector<std::string> const& plugins, std::string const& file, std::string const& policy);

} // namespace chorus::tools
