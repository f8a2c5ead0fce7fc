#pragma once

#include <chorus/algorithm/all_gather/catalogue.hpp>
#include <chorus/algorithm/broadcast/catalogue.hpp>
#include <chorus/algorithm/hierarchy.hpp>
#include <chorus/algorithm/reduce/catalogue.hpp>
#include <chorus/algorithm/reduce_scatter/catalogue.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/schedule/sink.hpp>

#include <cstddef>

namespace chorus {

/// Hierarchical all-reduce, in place, composed of other algorithms: any inside the groups, any between them.
///
///   p ranks, n elements   any p >= 1, any n, any groups; the algorithm between them may be hierarchical itself
///   g groups of m ranks   reduce-scatter inside, all-reduce of each part across the groups, all-gather inside:
///                         all m members carry n/m each to the other groups
///   unequal groups        reduce to the group's leader, all-reduce among leaders, broadcast inside
///   rounds, sent          the phases' sums: between the groups as much as an all-reduce of g ranks on n/m (or n)
///   operator              associative and commutative; a part's order is its phases'
///
/// By default circulant between groups and direct inside (circulant in groups of more than 8), and binomial trees
/// inside unequal groups.
///
/// "Full-lane" decomposition: Träff, Hunold, IEEE Cluster 2020.
template <schedule_sink Sink>
void hierarchical_all_reduce(Sink& sink, slice_list const& data, choice const& how) {
    using enum collective;
    auto const here = detail::level_of(sink, how);
    auto const& members = here.members();
    detail::check_name<reduce_scatter, all_gather, reduce, broadcast>(here.inside, "inside groups");
    detail::check_name<all_reduce>(here.between, "between groups");
    auto const inside = detail::default_inside(members);

    if (here.equal()) {
        auto const lane = here.lanes()[static_cast<std::size_t>(here.index)];
        auto const parts = block_list::parts(data, static_cast<int>(members.size()));
        detail::run_among<reduce_scatter>(sink, members, here.inside, inside, detail::on_blocks(parts));
        detail::run_among<all_reduce>(sink, lane, here.between, "circulant", detail::on_data(parts[here.index]));
        detail::run_among<all_gather>(sink, members, here.inside, inside, detail::on_blocks(parts));
        return;
    }
    detail::run_among<reduce>(sink, members, here.inside, "binomial", detail::on_data(data, 0));
    if (here.leads())
        detail::run_among<all_reduce>(sink, here.leaders(), here.between, "circulant", detail::on_data(data));
    detail::run_among<broadcast>(sink, members, here.inside, "binomial", detail::on_data(data, 0));
}

} // namespace chorus
