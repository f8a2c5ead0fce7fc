#pragma once
/// The algorithms of reduce. Costs are in vectors of n elements, the most over all roots.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/reduce/binomial.hpp>
#include <chorus/algorithm/reduce/chain.hpp>
#include <chorus/algorithm/reduce/direct.hpp>
#include <chorus/pattern/powers.hpp>

#include <algorithm>
#include <array>

namespace chorus {

template <class Lazy>
struct catalogue<collective::reduce, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::reduce,
                .name = "binomial",
                .cost = "ceil(log2 p) rounds, n sent, n ceil(log2 p) reduced at the root",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { binomial_reduce(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const q = ceil_log2(p), sent = p > 1 ? 1 : 0;
                    return {q, sent, sent, q};
                },
            },
            catalogue_entry{
                .what = collective::reduce,
                .name = "chain",
                .cost = "p-1 rounds, n sent, 2n reduced at the root, pipelined",
                .source = "linear pipeline",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { chain_reduce(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const sent = p > 1 ? 1 : 0;
                    return {p - 1.0, sent, sent, std::min(p - 1.0, 2.0)};
                },
            },
            catalogue_entry{
                .what = collective::reduce,
                .name = "direct",
                .cost = "1 round, n sent, n(p-1) reduced at the root",
                .source = "linear baseline",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { direct_reduce(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const sent = p > 1 ? 1 : 0;
                    return {sent, sent, sent, p - 1.0};
                },
                .rounds_once = true,
            },
            catalogue_entry{
                .what = collective::reduce,
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
