#pragma once
/// Topologies as users name them.

#include <chorus/network/topology.hpp>
#include <chorus/traffic/scenario.hpp>

#include <string>

namespace chorus::tools {

/// In the grammar, such as fat-tree:k=8, or a file that ends in .json or .topo (htsim). Throws usage_error.
topology read_topology(std::string const& text);

/// The fabric that the command line names, or else the file of jobs. Throws usage_error with the file's place.
topology fabric_of(traffic::scenario const& from, std::string const& file, std::string const& asked);

} // namespace chorus::tools
