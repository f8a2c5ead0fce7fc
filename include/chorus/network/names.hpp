#pragma once
/// Names of links, both ways. Included by topology.hpp.

#include <chorus/network/topology.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace chorus {

/// How many cables between the same vertices come before cable c.
inline std::uint32_t topology::cable_number_among_parallel(std::uint32_t c) const {
    std::uint32_t earlier = 0;
    auto const same = [&](std::uint32_t i) { return cables_[i].a == cables_[c].a && cables_[i].b == cables_[c].b; };
    while (c - earlier > 0 && same(c - earlier - 1)) ++earlier; // builders add parallel cables one after the other
    return earlier;
}

inline std::string topology::link_name(link_id l) const {
    auto const number = cable_number_among_parallel(l / 2);
    return vertex_name(from(l)) + "->" + vertex_name(to(l)) + (number == 0 ? "" : "#" + std::to_string(number));
}

inline std::string topology::caption() const {
    if (healthy()) return text_;
    std::uint32_t dead = 0;
    for (link_id l = 0; l < links(); ++l) dead += alive(l) ? 0 : 1;
    return detail::text({text_, " with ", dead, " dead and ", unhealthy_ - dead, " slow of ", links(), " links"});
}

inline vertex_id topology::find_vertex(std::string_view name) const {
    for (auto const& each : layers_)
        if (auto const found = each.find(name); found >= 0) return static_cast<vertex_id>(found);
    detail::misuse({"there is no '", name, "' in ", text_, "; names are such as ", vertex_name(0), " or ",
                    vertex_name(vertices_ - 1)});
}

inline link_id topology::find_link(std::string_view name) const {
    auto const digits_only = !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
    if (digits_only) {
        link_id number = 0;
        auto const [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (problem == std::errc() && number < links()) return number;
        detail::misuse({"there is no link ", name, " in ", text_, ": there are ", links()});
    }
    auto const arrow = std::min(name.find("->"), name.find("--"));
    if (arrow == std::string_view::npos)
        detail::misuse({"'", name, "' is no link: it should be a number or such as ", link_name(0)});
    auto const hash = std::min(name.find('#'), name.size());
    auto const from_vertex = find_vertex(name.substr(0, arrow));
    auto const to_vertex = find_vertex(name.substr(arrow + 2, hash - arrow - 2));
    std::uint32_t wanted = 0;
    if (hash < name.size()) std::from_chars(name.data() + hash + 1, name.data() + name.size(), wanted);
    for (link_id l = 0; l < links(); ++l)
        if (from(l) == from_vertex && to(l) == to_vertex && wanted-- == 0) return l;
    detail::misuse({"there is no link ", name, " in ", text_});
}

} // namespace chorus
