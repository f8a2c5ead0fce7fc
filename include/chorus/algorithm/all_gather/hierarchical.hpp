#pragma once

#include <chorus/algorithm/broadcast/catalogue.hpp>
#include <chorus/algorithm/hierarchy.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <cstddef>

namespace chorus {

/// Hierarchical all-gather, composed of other algorithms: any inside the groups, any between them.
///
///   p ranks, a block each   any p >= 1, any blocks, any groups; what runs between them may be hierarchical itself
///   g groups of m ranks     all-gather across the groups among the ranks with the same index, then inside the group
///                           of what each has: p-1 blocks per rank in all, g-1 of them between groups
///   unequal groups          all-gather inside, all-gather of whole groups' blocks among the leaders, broadcast of the
///                           other groups' blocks inside
///   rounds, sent            the phases' sums
///
/// By default circulant between groups and direct inside (circulant in groups of more than 8), and a binomial
/// broadcast inside unequal groups.
///
/// "Full-lane" decomposition: Träff, Hunold, IEEE Cluster 2020.
template <schedule_sink Sink>
void hierarchical_all_gather(Sink& sink, block_list const& blocks, choice const& how) {
    using enum collective;
    auto const here = detail::level_of(sink, how);
    auto const& members = here.members();
    detail::check_name<all_gather, broadcast>(here.inside, "inside groups");
    detail::check_name<all_gather>(here.between, "between groups");
    auto const inside = detail::default_inside(members);

    if (here.equal()) {
        auto const lanes = here.lanes();
        auto const& lane = lanes[static_cast<std::size_t>(here.index)];
        detail::run_among<all_gather>(sink, lane, here.between, "circulant", detail::on_blocks(blocks.select(lane)));
        detail::run_among<all_gather>(sink, members, here.inside, inside, detail::on_blocks(blocks.grouped(lanes)));
        return;
    }
    detail::run_among<all_gather>(sink, members, here.inside, inside, detail::on_blocks(blocks.select(members)));
    if (here.leads())
        detail::run_among<all_gather>(sink, here.leaders(), here.between, "circulant",
                                      detail::on_blocks(blocks.grouped(here.groups)));
    auto const others = blocks.select(here.outside()).all();
    detail::run_among<broadcast>(sink, members, here.inside, "binomial", detail::on_data(others, 0));
}

} // namespace chorus
