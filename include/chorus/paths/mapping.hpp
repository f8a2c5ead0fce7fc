#pragma once
/// Parallel groups to places: the dimension that moves most goes where bandwidth is highest.

#include <chorus/network/placement.hpp>
#include <chorus/network/topology.hpp>
#include <chorus/traffic/jobs.hpp>
#include <chorus/traffic/parallel.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace chorus {

/// Bytes that a rank sends along each dimension in one iteration.
struct dimension_bytes {
    double tensor = 0, data = 0, pipeline = 0;
    double of(char dimension) const { return dimension == 't' ? tensor : dimension == 'd' ? data : pipeline; }
};

/// Seconds that a byte from one endpoint to another occupies links: over a bus two of its links, in a Clos fabric 2, 4 or
/// 6 links by how far up the way goes, elsewhere 4 links of the access rate. 0 from an endpoint to itself.
inline double tier_cost(topology const& on, endpoint_id a, endpoint_id b) {
    if (a == b) return 0;
    auto const* const c = on.clos();
    if (c == nullptr) return 4 / on.nominal_rate(0);
    if (c->bus && on.host_of(a) == on.host_of(b)) return 2 / on.nominal_rate(2 * c->bus_cable(a));
    auto cost = 2 / on.nominal_rate(2 * c->access_cable(0, a));
    if (c->edge_of(a) != c->edge_of(b)) cost += 2 / on.nominal_rate(2 * c->edge_cable(0, 0, 0));
    if (c->pod_of(a) != c->pod_of(b)) cost += 2 / on.nominal_rate(2 * c->core_cable(0, 0, 0, 0));
    return cost;
}

/// Seconds of links that an iteration occupies if every rank sends its bytes of a dimension to the next rank along it.
inline double mapping_cost(topology const& on, placement const& places, traffic::parallel const& how, dimension_bytes const& bytes) {
    double cost = 0;
    for (auto const dimension : how.order) {
        auto const size = how.size(dimension), stride = how.stride(dimension);
        if (size == 1) continue;
        for (int rank = 0; rank < how.ranks(); ++rank) {
            auto const last = rank / stride % size == size - 1;
            auto const next = last ? rank - (size - 1) * stride : rank + stride;
            cost += bytes.of(dimension) * tier_cost(on, places.at(static_cast<std::size_t>(rank)), places.at(static_cast<std::size_t>(next)));
        }
    }
    return cost;
}

/// What a training job's ranks send on average, from its program on any network. Experts are spread over the data dimension:
/// their exchanges count there.
inline dimension_bytes bytes_sent(traffic::training const& of, topology const& on) {
    traffic::job one;
    one.what = of;
    auto const program = traffic::program_of({one}, on);
    dimension_bytes sum;
    for (auto const& each : program.activities) {
        auto const sent = each.phases ? traffic::volume(*each.phases) : each.reduced ? each.bytes * of.how.ranks() : 0.0;
        auto& to = each.kind == "tensor" ? sum.tensor : each.kind == "pipeline" ? sum.pipeline : sum.data;
        to += sent * each.times / of.how.ranks();
    }
    return sum;
}

struct mapping {
    std::string order; ///< of traffic::parallel, innermost first
    double cost = 0;   ///< mapping_cost
};

/// All six orders, the cheapest first; of equal ones the first in the alphabet.
inline std::vector<mapping> map_groups(topology const& on, placement const& places, traffic::parallel how, dimension_bytes const& bytes) {
    std::vector<mapping> all;
    how.order = "dpt";
    do {
        all.push_back({how.order, mapping_cost(on, places, how, bytes)});
    } while (std::next_permutation(how.order.begin(), how.order.end()));
    std::stable_sort(all.begin(), all.end(), [](mapping const& a, mapping const& b) { return a.cost < b.cost; });
    return all;
}

/// Without regard to bandwidth: the data dimension innermost, tensor groups furthest apart.
inline constexpr char const* naive_order = "dpt";

} // namespace chorus
