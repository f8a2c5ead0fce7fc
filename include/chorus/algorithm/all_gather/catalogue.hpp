#pragma once
/// The all-gather algorithms, and what they cost.

#include <chorus/algorithm/all_gather/bruck.hpp>
#include <chorus/algorithm/all_gather/circulant.hpp>
#include <chorus/algorithm/all_gather/direct.hpp>
#include <chorus/algorithm/all_gather/hierarchical.hpp>
#include <chorus/algorithm/all_gather/neighbour_exchange.hpp>
#include <chorus/algorithm/all_gather/recursive_doubling.hpp>
#include <chorus/algorithm/all_gather/ring.hpp>
#include <chorus/algorithm/all_gather/tree.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/pattern/hypercube.hpp>
#include <chorus/pattern/powers.hpp>

#include <algorithm>
#include <array>

namespace chorus {
namespace detail {

constexpr cost_terms all_gather_cost(int rounds, int messages, int sent) {
    return {double(rounds), double(messages), double(sent), 0};
}

/// Up and down the binomial tree. A subtree need not wait for its own blocks: that saves rounds.
constexpr cost_terms tree_all_gather_cost(int p, choice const&) {
    if (p == 1) return {};
    auto const q = ceil_log2(p);
    auto const deepest = 1 + floor_log2(p - (1 << (q - 1))); // of the last subtree
    return all_gather_cost(std::max(q - 1 + deepest, 2 * q - 3), q, p * (q - 1) + 1);
}

/// Corner 0 has most to say: in every exchange the neighbours of all folded ranks come first.
constexpr cost_terms recursive_doubling_all_gather_cost(int p, choice const&) {
    auto const cube = folded_hypercube{p};
    auto const d = cube.dimensions(), pairs = cube.pairs();
    if (pairs == 0) return all_gather_cost(d, d, p - 1);
    auto sent = p - 1;
    for (int k = 0; k < d; ++k) sent += (1 << k) + std::min(1 << k, pairs);
    return all_gather_cost(d + (2 * pairs > cube.corners() ? 2 : 1), d + 1, sent);
}

/// The last round passes on p - 2^(q-1) blocks only, and waits for the rounds that brought those.
constexpr cost_terms bruck_all_gather_cost(int p, choice const&) {
    if (p == 1) return {};
    auto const q = ceil_log2(p);
    return all_gather_cost(std::max(q - 1, 1 + ceil_log2(p - (1 << (q - 1)))), q, p - 1);
}

constexpr cost_terms neighbour_exchange_all_gather_cost(int p, choice const&) {
    if (p == 1) return {};
    auto const sent = p % 2 == 0 ? p - 1 : p == 3 ? 4 : 2 * p - 1;
    return all_gather_cost((p + 1) / 2, (p + 1) / 2, sent);
}

} // namespace detail

template <class Lazy>
struct catalogue<collective::all_gather, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::all_gather,
                .name = "ring",
                .cost = "p-1 rounds, p-1 blocks sent",
                .source = "Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { ring_all_gather(sink, args.blocks); },
                .formula = [](int p, choice const&) { return detail::all_gather_cost(p - 1, p - 1, p - 1); },
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "tree",
                .cost = "at most 2 ceil(log2 p) - 1 rounds, p (ceil(log2 p) - 1) + 1 blocks sent by the root",
                .source = "Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { tree_all_gather(sink, args.blocks); },
                .formula = detail::tree_all_gather_cost,
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "recursive_doubling",
                .cost =
                    "log2 p rounds and p-1 blocks sent on powers of two, else at most floor(log2 p) + 2 rounds and 2(p-1)",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { recursive_doubling_all_gather(sink, args.blocks); },
                .formula = detail::recursive_doubling_all_gather_cost,
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "bruck",
                .cost = "ceil(log2 p) rounds, p-1 blocks sent",
                .source = "Bruck, Ho, Kipnis, Upfal, Weathersby, IEEE Trans. Parallel Distrib. Syst. 8(11), 1997",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { bruck_all_gather(sink, args.blocks); },
                .formula = detail::bruck_all_gather_cost,
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "circulant",
                .cost = "ceil(log2 p) rounds, p-1 blocks sent",
                .source = "Träff, arXiv 2410.14234",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { circulant_all_gather(sink, args.blocks); },
                .formula =
                    [](int p, choice const&) {
                        return detail::all_gather_cost(longest_chain(circulant_all_gather_rounds(p)), ceil_log2(p), p - 1);
                    },
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "neighbour_exchange",
                .cost = "ceil(p/2) rounds, p-1 blocks sent (up to 2p-1 for odd p)",
                .source = "Chen, Zhang, Zhang, Yuan, HPC Asia 2005",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { neighbour_exchange_all_gather(sink, args.blocks); },
                .formula = detail::neighbour_exchange_all_gather_cost,
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "direct",
                .cost = "1 round of p-1 messages, p-1 blocks sent",
                .source = "folklore",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { direct_all_gather(sink, args.blocks); },
                .formula = [](int p, choice const&) { return detail::all_gather_cost(p > 1, p - 1, p - 1); },
            },
            catalogue_entry{
                .what = collective::all_gather,
                .name = "native",
                .cost = "known to the MPI library only",
                .source = "not a schedule: the MPI library's own collective",
                .keeps_order = true,
            },
        };
    }
    static constexpr auto simple = list_simple();

    static constexpr auto list_entries() {
        return detail::with_composed(simple, catalogue_entry{
            .what = collective::all_gather,
            .name = "hierarchical",
            .cost = "across equal groups, then inside; or inside, among leaders, and down",
            .source = "Träff, Hunold, IEEE Cluster 2020",
            .keeps_order = true,
            .record = [](record_sink& sink,
                         arguments const& args) { hierarchical_all_gather(sink, args.blocks, *args.how); },
        });
    }
    static constexpr auto entries = list_entries();
};

} // namespace chorus
