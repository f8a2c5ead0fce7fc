#pragma once
/// Topologies as users name them.

#include <chorus/network/topology.hpp>

#include <string>

namespace chorus::tools {

/// In the grammar, such as fat-tree:k=8, or a file that ends in .json or .topo (htsim). Throws usage_error.
topology read_topology(std::string const& text);

} // namespace chorus::tools
