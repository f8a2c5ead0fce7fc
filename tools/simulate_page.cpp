/// The results of `chorus simulate` as one self-contained page.

#include "simulate.hpp"
#include "simulate_page.hpp"

#include <nlohmann/json.hpp>

namespace chorus::tools {

namespace {

using json = nlohmann::ordered_json;

/// Where everything is that is drawn: rows of cells, and of a small fabric its vertices and links.
json fabric(simulation const& all) {
    json result{{"single", all.cells.single}, {"rows", json::array()}, {"layers", json::array()}, {"links", json::array()}};
    for (auto const& row : all.cells.rows) result["rows"].push_back({{"name", row.name}, {"up", row.up}, {"cells", row.cells}});
    result["links_in"] = all.cells.links_in;
    if (!all.cells.single) return result;
    for (auto const& layer : all.on.layers()) {
        auto names = json::array();
        for (vertex_id v = layer.first; v < layer.first + layer.count; ++v) names.push_back(all.on.vertex_name(v));
        result["layers"].push_back({{"level", static_cast<int>(layer.level)}, {"first", layer.first}, {"names", std::move(names)}});
    }
    for (link_id l = 0; l < all.on.links(); ++l) result["links"].push_back({all.on.from(l), all.on.to(l), all.cells.cell_of[l], json::array()});
    for (auto const& each : all.scenario.links) {
        auto const l = all.on.find_link(each.link);
        for (auto const direction : {l, topology::reverse(l)}) result["links"][direction][3].push_back({each.time, each.health});
    }
    return result;
}

} // namespace

std::string as_page(simulation const& all) {
    auto data = as_json(all, true);
    data["fabric"] = fabric(all);
    auto text = data.dump(-1, ' ', true); // ASCII only
    for (std::size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) text.insert(at + 1, "\\"); // ends no script
    std::string page(page_head);
    page += text;
    page += page_tail;
    return page;
}

} // namespace chorus::tools
