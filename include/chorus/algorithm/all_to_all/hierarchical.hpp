#pragma once

#include <chorus/algorithm/all_to_all/parcels.hpp>
#include <chorus/algorithm/hierarchy.hpp>
#include <chorus/algorithm/scatter/catalogue.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace chorus {

/// Hierarchical all-to-all, composed of other algorithms: any inside the groups, any between them.
///
///   p ranks, p blocks each   any p >= 1, any blocks, any groups; what runs between them may be hierarchical itself
///   g groups of m ranks      member i of each group first collects inside all that goes to a member i of any group,
///                            then exchanges it with those: m-1 + g-1 messages in place of p-1, at most
///                            (m-1) g + (g-1) m blocks sent, of which (g-1) m between groups
///   unequal groups           members exchange inside and hand what leaves the group to their leader, the leaders
///                            exchange that and hand it out
///   rounds, sent             the phases' sums
///
/// Without leaders no rank sends more than twice its own blocks, but everybody needs a partner in every group: hence
/// the second form. By default direct inside, pairwise between, and a binomial scatter from the leaders.
///
/// "Full-lane" decomposition: Träff, Hunold, IEEE Cluster 2020.
template <schedule_sink Sink, class Transit>
void hierarchical_all_to_all(Sink& sink, block_list const& outgoing, block_list const& incoming, Transit const& transit,
                             choice const& how) {
    auto const rank = sink.rank();
    auto const here = detail::level_of(sink, how);
    auto const& members = here.members();
    detail::check_name<collective::all_to_all, collective::scatter>(here.inside, "inside groups");
    detail::check_name<collective::all_to_all>(here.between, "between groups");
    auto block = detail::parcels(rank, outgoing, incoming, transit);

    // One phase: the i-th rank among some has for the j-th the blocks from ranks from[i] to ranks to[j].
    auto const exchange = [&](std::vector<int> const& among, choice const& by, std::string_view fallback,
                              group_members const& from, group_members const& to) {
        arguments args;
        auto const self = static_cast<std::size_t>(std::find(among.begin(), among.end(), rank) - among.begin());
        for (std::size_t i = 0; i < among.size(); ++i) { // what stays here stays where it is
            args.outgoing.push_back(i == self ? slice_list() : block(from[self], to[i]));
            args.incoming.push_back(i == self ? slice_list() : block(from[i], to[self]));
        }
        args.transit = [&](int i, int j) {
            return detail::in_transit(transit, from[static_cast<std::size_t>(i)], to[static_cast<std::size_t>(j)]);
        };
        detail::run_among<collective::all_to_all>(sink, among, by, fallback, args);
    };

    sink.copy(outgoing[rank], incoming[rank]);
    auto const each_member = detail::alone(members);
    if (here.equal()) {
        auto const lanes = here.lanes();
        auto const& lane = lanes[static_cast<std::size_t>(here.index)];
        exchange(members, here.inside, "direct", each_member, lanes);
        exchange(lane, here.between, "pairwise", here.groups, detail::alone(lane));
        return;
    }
    auto const outside = here.outside();
    auto to = each_member; // and the leader takes what leaves the group
    to[0].insert(to[0].end(), outside.begin(), outside.end());
    exchange(members, here.inside, "direct", each_member, to);
    if (here.leads()) exchange(here.leaders(), here.between, "pairwise", here.groups, here.groups);
    block_list entering; // what the leader has for each member; nothing for itself
    for (auto const& member : each_member)
        entering.push_back(member[0] == members[0] ? slice_list() : block(outside, member));
    detail::run_among<collective::scatter>(sink, members, here.inside, "binomial", detail::on_blocks(entering, 0));
}

} // namespace chorus
