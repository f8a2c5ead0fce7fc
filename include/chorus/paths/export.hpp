#pragma once
/// Plans as what devices read. One line each, words separated by spaces, # begins a comment:
///
///   rules   SWITCH SOURCE DESTINATION TAG PART -> NEXT LINK      exact match, for every switch on the path
///   srv6    SOURCE DESTINATION TAG PART SEGMENT[,SEGMENT...]     the switches in order, one micro-segment each
///   ports   SOURCE DESTINATION TAG PART PORT FLOW_LABEL          UDP source port of each part of each flow
///
/// PART counts the sub-flows of a flow from 0.

#include <chorus/paths/enforce.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace chorus {

namespace detail {

/// Calls visit(sub-flow, part) for all that have a path.
template <class Visit>
void visit_parts(routing const& how, Visit&& visit) {
    std::uint32_t part = 0;
    for (std::size_t i = 0; i < how.size(); ++i) {
        part = i > 0 && how[i].flow == how[i - 1].flow ? part + 1 : 0;
        if (how[i].route == spread) misuse({"a sprayed flow has no path to export"});
        if (how[i].route != unreachable) visit(i, part);
    }
}

inline std::string pair_text(topology const& on, flow const& f, std::uint32_t part) {
    return text({on.vertex_name(f.source), " ", on.vertex_name(f.destination), " ", f.tag, " ", part});
}

} // namespace detail

/// Throws usage_error for a sprayed flow.
inline std::string export_rules(topology const& on, std::span<flow const> phase, routing const& how) {
    std::string all = "# SWITCH SOURCE DESTINATION TAG PART -> LINK\n";
    hop_buffer buffer;
    detail::visit_parts(how, [&](std::size_t i, std::uint32_t part) {
        auto const& f = phase[how[i].flow];
        for (auto const l : how.hops(on, phase, i, buffer))
            if (on.from(l) >= on.endpoints())
                detail::append(all, {on.vertex_name(on.from(l)), " ", detail::pair_text(on, f, part), " -> ",
                                     on.link_name(l), "\n"});
    });
    return all;
}

/// Switch v has the micro-segment fd00:0:V, V its number among the switches. Throws usage_error for a sprayed flow.
inline std::string export_srv6(topology const& on, std::span<flow const> phase, routing const& how) {
    std::string all = "# SOURCE DESTINATION TAG PART SEGMENTS\n";
    hop_buffer buffer;
    detail::visit_parts(how, [&](std::size_t i, std::uint32_t part) {
        detail::append(all, {detail::pair_text(on, phase[how[i].flow], part), " "});
        auto separator = "";
        for (auto const l : how.hops(on, phase, i, buffer)) {
            if (on.to(l) < on.endpoints()) continue;
            char digits[16];
            auto const end = std::to_chars(digits, digits + sizeof digits, on.to(l) - on.endpoints(), 16).ptr;
            detail::append(
                all, {separator, "fd00:0:", std::string_view(digits, static_cast<std::size_t>(end - digits)), "::"});
            separator = ",";
        }
        all += "\n";
    });
    return all;
}

/// A path_table. `others`: how many further ports of each path are named, for devices on which not every port can be had. Throws
/// usage_error for a sprayed flow, and on what is no Clos fabric.
inline std::string export_ports(topology const& on, std::span<flow const> phase, routing const& how,
                                switch_hashing const& hashing, std::size_t others = 0) {
    if (on.clos() == nullptr) detail::misuse({"ports are solved on Clos fabrics only, not on ", on.text()});
    std::string all = others == 0 ? "# SOURCE DESTINATION TAG PART PORT FLOW_LABEL\n" : "# SOURCE DESTINATION TAG PART PORT FLOW_LABEL OTHER_PORTS\n";
    walker way(on);
    std::size_t failed = 0;
    detail::visit_parts(how, [&](std::size_t i, std::uint32_t part) {
        auto const& f = phase[how[i].flow];
        auto const ports = ports_along(way, on, f, how[i].route, hashing, 1 + others, i);
        detail::append(all, {detail::pair_text(on, f, part), " "});
        if (ports.empty()) all += "none none";
        else detail::append(all, {ports[0], " ", flow_label_of_port(ports[0])});
        for (std::size_t k = 1; k < ports.size(); ++k) detail::append(all, {" ", ports[k]});
        all += "\n";
        failed += ports.empty() ? 1 : 0;
    });
    if (failed > 0) {
        auto const why = hashing.same_seed ? "with equal seeds the tiers are polarised, they choose alike"
                                           : "this hash's choices in the tiers depend on each other; another seed or hash (jenkins) may reach them";
        detail::append(all, {"# ", failed, " paths cannot be reached by any port: ", why, "\n"});
    }
    return all;
}

} // namespace chorus
