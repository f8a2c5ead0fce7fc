#pragma once
/// The algorithms of all_reduce. Costs are in vectors of n elements.

#include <chorus/algorithm/all_reduce/circulant.hpp>
#include <chorus/algorithm/all_reduce/double_tree.hpp>
#include <chorus/algorithm/all_reduce/hierarchical.hpp>
#include <chorus/algorithm/all_reduce/one_shot.hpp>
#include <chorus/algorithm/all_reduce/rabenseifner.hpp>
#include <chorus/algorithm/all_reduce/recursive_doubling.hpp>
#include <chorus/algorithm/all_reduce/ring.hpp>
#include <chorus/algorithm/all_reduce/tree.hpp>
#include <chorus/algorithm/all_reduce/two_shot.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/pattern/double_tree.hpp>
#include <chorus/pattern/hypercube.hpp>
#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {

namespace detail {

/// A chain ends at the corner opposite to where it began: it has a folded rank at both ends if more than half have one.
constexpr cost_terms recursive_doubling_cost(int p) {
    auto const cube = folded_hypercube{p};
    auto const folded = cube.pairs() > 0 ? 1 : 0, both = 2 * cube.pairs() > cube.corners() ? 1 : 0;
    double const each = cube.dimensions() + folded;
    return {.rounds = each + both, .messages = each, .sent = each, .reduced = each};
}

constexpr cost_terms rabenseifner_cost(int p) {
    auto const q = floor_log2(p);
    auto const folded = is_power_of_two(p) ? 0 : 1;
    auto const halves = 1 - 1.0 / (1 << q);
    return {.rounds = 2.0 * (q + folded),
            .messages = 2.0 * q + folded,
            .sent = 2 * halves + folded,
            .reduced = halves + folded};
}

constexpr cost_terms double_tree_all_reduce_cost(int p) {
    double const messages = p == 1 ? 0 : p == 2 ? 2 : p == 3 ? 3 : 4;
    return {.rounds = 2.0 * depth_of_double_tree(p),
            .messages = messages,
            .sent = messages / 2,
            .reduced = p > 1 ? 1.0 : 0.0};
}

constexpr cost_terms circulant_all_reduce_cost(int p) {
    auto rounds = circulant_reduce_scatter_rounds(p);
    for (auto const& back : circulant_all_gather_rounds(p)) rounds.push_back(back);
    auto const part = (p - 1.0) / p;
    return {.rounds = 1.0 * longest_chain(rounds), .messages = 2.0 * ceil_log2(p), .sent = 2 * part, .reduced = part};
}

} // namespace detail

template <class Lazy>
struct catalogue<collective::all_reduce, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "ring",
                .cost = "2(p-1) rounds, 2n(p-1)/p sent, n(p-1)/p reduced",
                .source = "Patarasuk, Yuan, J. Parallel Distrib. Comput. 69(2), 2009",
                .record = [](record_sink& sink, arguments const& args) { ring_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms {
                    return {2.0 * (p - 1), 2.0 * (p - 1), 2.0 * (p - 1) / p, (p - 1.0) / p};
                },
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "tree",
                .cost = "2 floor(log2 p) rounds, n ceil(log2 p) sent and reduced at the root",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { tree_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const q = ceil_log2(p);
                    return {2.0 * floor_log2(p), q, q, q};
                },
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "recursive_doubling",
                .cost = "log2 p rounds, n log2 p sent and reduced; up to 2 rounds and n more off powers of two",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { recursive_doubling_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms { return detail::recursive_doubling_cost(p); },
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "rabenseifner",
                .cost = "2 log2 p rounds, 2n(p-1)/p sent, n(p-1)/p reduced; 2 rounds and n more off powers of two",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { rabenseifner_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms { return detail::rabenseifner_cost(p); },
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "double_tree",
                .cost = "2 log2 p + O(1) rounds, 2n sent, n reduced, pipelined",
                .source = "Sanders, Speck, Träff, Parallel Computing 35, 2009",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { double_tree_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms { return detail::double_tree_all_reduce_cost(p); },
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "circulant",
                .cost = "2 ceil(log2 p) rounds, 2n(p-1)/p sent, n(p-1)/p reduced",
                .source = "Träff, arXiv 2410.14234",
                .record = [](record_sink& sink, arguments const& args) { circulant_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms { return detail::circulant_all_reduce_cost(p); },
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "one_shot",
                .cost = "1 round, n(p-1) sent and reduced",
                .source = "one-shot and two-shot are names from libraries for GPUs (TensorRT-LLM, FlashInfer)",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { one_shot_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms {
                    return {p > 1 ? 1.0 : 0.0, p - 1.0, p - 1.0, p - 1.0};
                },
                .rounds_once = true,
            },
            catalogue_entry{
                .what = collective::all_reduce,
                .name = "two_shot",
                .cost = "2 rounds of p-1 messages, 2n(p-1)/p sent, n(p-1)/p reduced",
                .source = "one-shot and two-shot are names from libraries for GPUs (TensorRT-LLM, FlashInfer)",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { two_shot_all_reduce(sink, args.data); },
                .formula = [](int p, choice const&) -> cost_terms {
                    return {p > 1 ? 2.0 : 0.0, 2.0 * (p - 1), 2.0 * (p - 1) / p, (p - 1.0) / p};
                },
                .rounds_once = true,
            },
            catalogue_entry{
                .what = collective::all_reduce,
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
            .what = collective::all_reduce,
            .name = "hierarchical",
            .cost = "the sum of its parts: inside groups, between groups, inside again",
            .source = "a composition; Träff, Hunold, IEEE Cluster 2020",
            .record = [](record_sink& sink,
                         arguments const& args) { hierarchical_all_reduce(sink, args.data, *args.how); },
        });
    }
    static constexpr auto entries = list_entries();
};

} // namespace chorus
