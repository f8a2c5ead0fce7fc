#pragma once
/// Certificates as JSON: what is claimed of a plan, for `check_routing` (paths/check.hpp). docs/schemas/plan.md has the schema.

#include <chorus/json/topology.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/cuts.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <iterator>
#include <limits>
#include <string>

namespace chorus::json {

inline value to_json(topology const& on, claim const& from) {
    return {{"max_load", from.max_load},
            {"lower_bound", from.lower_bound},
            {"split", from.split},
            {"cut",
             {{"inside", on.vertex_name(from.inside)},
              {"up_to", chorus::json::detail::tier_names[static_cast<std::size_t>(from.level)]},
              {"inwards", from.inwards}}}};
}

/// The cut in words, and its links by name: at most `most` of them.
inline value cut_in_words(topology const& on, claim const& from, std::size_t most = 64) {
    value names = value::array();
    std::size_t count = 0;
    chorus::detail::visit_cut(on, {from.inside, from.level, from.inwards}, [&](link_id l) {
        if (count++ < most) names.push_back(on.link_name(l));
    });
    auto const what = from.level == tier::endpoint ? "" : from.level == tier::edge ? "the edge switch of " : "the pod of ";
    return {{"text", (from.inwards ? "into " : "out of ") + std::string(what) + on.vertex_name(from.inside)}, {"links", count}, {"names", names}};
}

/// Throws usage_error with file, JSON path and what was expected.
inline claim claim_from(reader const& from, topology const& on) {
    auto const anything = std::numeric_limits<double>::max();
    from.only({"max_load", "lower_bound", "split", "cut"});
    claim result{from["max_load"].real(0, anything), from["lower_bound"].real(0, anything), false, 0, tier::endpoint, false};
    auto const truth = [](reader const& at) {
        if (!at.raw().is_boolean()) at.fail("true or false");
        return at.raw().get<bool>();
    };
    result.split = truth(from["split"]);
    auto const where = from["cut"];
    where.only({"inside", "up_to", "inwards"});
    result.inwards = truth(where["inwards"]);
    auto const name = where["inside"].text(), level = where["up_to"].text();
    while (result.inside < on.endpoints() && on.vertex_name(result.inside) != name) ++result.inside;
    if (result.inside == on.endpoints()) where["inside"].fail("the name of an endpoint of " + on.text());
    auto const* const clos = on.clos();
    auto const tiers = clos == nullptr ? 1 : clos->three_tiers() ? 3 : 2; // whose cuts there are
    for (auto const one : {tier::endpoint, tier::edge, tier::aggregation}) {
        if (detail::tier_names[static_cast<std::size_t>(one)] != level || (one == tier::edge && tiers < 2) || (one == tier::aggregation && tiers < 3)) continue;
        result.level = one;
        return result;
    }
    where["up_to"].fail(tiers == 1 ? "endpoint" : tiers == 2 ? "endpoint or edge" : "endpoint, edge or aggregation");
}

} // namespace chorus::json
