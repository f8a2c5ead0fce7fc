#pragma once
/// The algorithms of broadcast. Costs are in vectors of n elements, the most over all roots.

#include <chorus/algorithm/broadcast/binomial.hpp>
#include <chorus/algorithm/broadcast/chain.hpp>
#include <chorus/algorithm/broadcast/direct.hpp>
#include <chorus/algorithm/broadcast/double_tree.hpp>
#include <chorus/algorithm/broadcast/scatter_all_gather.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/pattern/double_tree.hpp>
#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {

template <class Lazy>
struct catalogue<collective::broadcast, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::broadcast,
                .name = "binomial",
                .cost = "ceil(log2 p) rounds, n ceil(log2 p) sent by the root",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { binomial_broadcast(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const q = ceil_log2(p);
                    return {q, q, q, 0};
                },
            },
            catalogue_entry{
                .what = collective::broadcast,
                .name = "chain",
                .cost = "p-1 rounds, n sent, pipelined",
                .source = "linear pipeline",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { chain_broadcast(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const sent = p > 1 ? 1 : 0;
                    return {p - 1.0, sent, sent, 0};
                },
            },
            catalogue_entry{
                .what = collective::broadcast,
                .name = "double_tree",
                .cost = "log2 p + O(1) rounds, n sent, pipelined",
                .source = "Sanders, Speck, Träff, Parallel Computing 35, 2009",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { double_tree_broadcast(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const sent = p > 1 ? 1 : 0;
                    return {1.0 * depth_of_double_tree(p), 2 * sent, sent, 0};
                },
            },
            catalogue_entry{
                .what = collective::broadcast,
                .name = "scatter_all_gather",
                .cost = "2 ceil(log2 p) rounds, 2n(p-1)/p sent",
                .source = "Barnett, Shuler, van de Geijn, Gupta, Payne, Watts, Scalable High-Performance Computing "
                          "Conference, 1994",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { scatter_all_gather_broadcast(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const q = ceil_log2(p), back = longest_chain(circulant_all_gather_rounds(p));
                    return {q + back, 2 * q, 2 * (p - 1.0) / p, 0};
                },
            },
            catalogue_entry{
                .what = collective::broadcast,
                .name = "direct",
                .cost = "1 round of p-1 messages, n(p-1) sent by the root",
                .source = "folklore",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { direct_broadcast(sink, args.data, args.root); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const others = p - 1;
                    return {p > 1 ? 1.0 : 0, others, others, 0};
                },
            },
            catalogue_entry{
                .what = collective::broadcast,
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
