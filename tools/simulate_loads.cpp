/// Which links are drawn together.

#include "simulate.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace chorus::tools {

namespace {

constexpr std::uint32_t most_single = 1200; // links that are drawn one by one
constexpr std::uint32_t most_cells = 128;   // of a row

std::string name_of(tier level) {
    switch (level) {
    case tier::endpoint: return "endpoint";
    case tier::bus: return "bus";
    case tier::edge: return "edge";
    case tier::aggregation: return "aggregation";
    case tier::core: return "core";
    case tier::router: return "router";
    }
    return "";
}

struct layer_index {
    explicit layer_index(topology const& on) : layers(on.layers()) {}
    std::size_t of(vertex_id v) const {
        std::size_t i = 0;
        while (v >= layers[i].first + layers[i].count) ++i;
        return i;
    }
    std::vector<layer> const& layers;
};

} // namespace

load_cells cells_of(topology const& on) {
    load_cells result;
    result.single = on.links() <= most_single;
    result.cell_of.resize(on.links());
    layer_index const layers(on);
    // (layer of the one end, layer of the other, direction) -> its cells, by position of the lower end
    std::map<std::tuple<std::size_t, std::size_t, bool>, std::vector<link_id>> rows;
    for (link_id l = 0; l < on.links(); ++l) {
        auto const from = layers.of(on.from(l)), to = layers.of(on.to(l));
        rows[{std::min(from, to), std::max(from, to), from < to || (from == to && l % 2 == 0)}].push_back(l);
    }
    for (auto const& [key, links] : rows) {
        auto const [low, high, up] = key;
        auto const& lower = layers.layers[low];
        auto const names = std::pair(name_of(lower.level), name_of(layers.layers[high].level));
        load_cells::row row{up ? names.first + " to " + names.second : names.second + " to " + names.first, up, {}};
        auto const before = static_cast<std::uint32_t>(result.links_in.size());
        auto const count = result.single ? static_cast<std::uint32_t>(links.size()) : std::min(most_cells, lower.count);
        row.cells.resize(count);
        result.links_in.resize(before + count);
        for (std::uint32_t i = 0; i < links.size(); ++i) {
            auto const l = links[i];
            auto const end = up ? on.from(l) : on.to(l);
            auto const place = std::uint64_t{end - lower.first} * count / lower.count;
            auto const cell = result.single ? i : static_cast<std::uint32_t>(place);
            if (result.single) row.cells[cell] = on.link_name(l);
            else if (row.cells[cell].empty()) row.cells[cell] = "from " + on.vertex_name(end) + " on";
            result.cell_of[l] = before + cell;
            ++result.links_in[before + cell];
        }
        result.rows.push_back(std::move(row));
    }
    return result;
}

} // namespace chorus::tools
