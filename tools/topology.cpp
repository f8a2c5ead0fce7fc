#include "topology.hpp"

#include "text.hpp"

#include <chorus/json/topology.hpp>
#include <chorus/network/file.hpp>
#include <chorus/network/htsim.hpp>

namespace chorus::tools {

topology read_topology(std::string const& text) {
    if (text.ends_with(".json")) return json::load_topology(text);
    return text.ends_with(".topo") ? load_htsim_topology(text) : parse_topology(text);
}

topology fabric_of(traffic::scenario const& from, std::string const& file, std::string const& asked) {
    if (!asked.empty()) return read_topology(asked);
    if (from.topology.empty()) refuse("--topology", "", "a topology, here or in the file of jobs");
    return told_with_place(file + ": /topology", [&] { 
        auto const is_file = from.topology.ends_with(".json") || from.topology.ends_with(".topo");
        return read_topology(is_file ? beside(file, from.topology) : from.topology);
    });
}

} // namespace chorus::tools
