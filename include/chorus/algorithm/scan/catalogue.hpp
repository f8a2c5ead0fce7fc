#pragma once
/// The algorithms of scan. Costs are in vectors of n elements.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/scan/doubling.hpp>
#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {

template <class Lazy>
struct catalogue<collective::scan, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::scan,
                .name = "doubling",
                .cost = "floor(log2 p) rounds, n ceil(log2 p) sent and reduced",
                .source = "Hillis, Steele, Communications of the ACM 29(12), 1986",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { doubling_scan(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const q = ceil_log2(p);
                    return {1.0 * floor_log2(p), q, q, q};
                },
            },
            catalogue_entry{
                .what = collective::scan,
                .name = "native",
                .cost = "known to the MPI library only",
                .source = "not a schedule: the MPI library's own collective",
                .keeps_order = true,
            },
        };
    }
    static constexpr auto simple = list_simple();
    static constexpr auto& entries = simple;
};

} // namespace chorus
