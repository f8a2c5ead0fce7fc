#include "topology.hpp"

#include <chorus/json/topology.hpp>
#include <chorus/network/htsim.hpp>

namespace chorus::tools {

topology read_topology(std::string const& text) {
    if (text.ends_with(".json")) return json::load_topology(text);
    return text.ends_with(".topo") ? load_htsim_topology(text) : parse_topology(text);
}

} // namespace chorus::tools
