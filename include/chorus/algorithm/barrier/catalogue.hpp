#pragma once
/// The algorithms of barrier. Its messages are empty.

#include <chorus/algorithm/barrier/dissemination.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {

template <class Lazy>
struct catalogue<collective::barrier, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::barrier,
                .name = "dissemination",
                .cost = "ceil(log2 p) rounds of empty messages",
                .source = "Hensgen, Finkel, Manber, Int. J. Parallel Programming 17(1), 1988",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { dissemination_barrier(sink, args.blocks); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const q = ceil_log2(p);
                    return {q, q, 0, 0};
                },
            },
            catalogue_entry{
                .what = collective::barrier,
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
