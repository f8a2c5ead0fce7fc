#pragma once
/// The algorithms of reduce_scatter. Costs are in blocks of n/p elements.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/reduce_scatter/circulant.hpp>
#include <chorus/algorithm/reduce_scatter/direct.hpp>
#include <chorus/algorithm/reduce_scatter/pairwise.hpp>
#include <chorus/algorithm/reduce_scatter/recursive_halving.hpp>
#include <chorus/algorithm/reduce_scatter/ring.hpp>
#include <chorus/pattern/circulant.hpp>
#include <chorus/pattern/halving.hpp>
#include <chorus/pattern/powers.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace chorus {

namespace detail {

/// Counted by playing it: off powers of two, who is given what depends on where the larger halves lie.
constexpr cost_terms recursive_halving_cost(int p) {
    std::vector<std::vector<halving_round>> rounds;
    for (int rank = 0; rank < p; ++rank) rounds.push_back(halving_rounds(rank, p));
    cost_terms most{.sent = p - 1.0};
    for (auto const& mine : rounds) {
        double reduced = 0;
        for (auto const& each : mine) reduced += each.kept() * static_cast<double>(each.from.size());
        most.messages = std::max(most.messages, static_cast<double>(mine.size()));
        most.reduced = std::max(most.reduced, reduced);
    }
    std::vector<double> heard(static_cast<std::size_t>(p), 0); // the longest chain of messages that ends at a rank
    for (std::size_t step = 0; step < rounds[0].size(); ++step) {
        auto const before = heard;
        for (std::size_t rank = 0; rank < rounds.size(); ++rank) {
            if (step >= rounds[rank].size()) continue;
            for (auto const peer : rounds[rank][step].from)
                heard[rank] = std::max(heard[rank], before[static_cast<std::size_t>(peer)] + 1);
            most.rounds = std::max(most.rounds, heard[rank]);
        }
    }
    return most;
}

} // namespace detail

template <class Lazy>
struct catalogue<collective::reduce_scatter, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::reduce_scatter,
                .name = "ring",
                .cost = "p-1 rounds, p-1 blocks sent and reduced",
                .source = "Patarasuk, Yuan, J. Parallel Distrib. Comput. 69(2), 2009",
                .record = [](record_sink& sink, arguments const& args) { ring_reduce_scatter(sink, args.blocks); },
                .formula = [](int p, choice const&) -> cost_terms {
                    return {p - 1.0, p - 1.0, p - 1.0, p - 1.0};
                },
            },
            catalogue_entry{
                .what = collective::reduce_scatter,
                .name = "recursive_halving",
                .cost = "ceil(log2 p) rounds, p-1 blocks sent, p-1 reduced (up to 2p off powers of two)",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .record = [](record_sink& sink,
                             arguments const& args) { recursive_halving_reduce_scatter(sink, args.blocks); },
                .formula = [](int p, choice const&) -> cost_terms { return detail::recursive_halving_cost(p); },
            },
            catalogue_entry{
                .what = collective::reduce_scatter,
                .name = "circulant",
                .cost = "ceil(log2 p) rounds, p-1 blocks sent and reduced",
                .source = "Träff, arXiv 2410.14234",
                .record = [](record_sink& sink, arguments const& args) { circulant_reduce_scatter(sink, args.blocks); },
                .formula = [](int p, choice const&) -> cost_terms {
                    double const chain = longest_chain(circulant_reduce_scatter_rounds(p));
                    return {chain, 1.0 * ceil_log2(p), p - 1.0, p - 1.0};
                },
            },
            catalogue_entry{
                .what = collective::reduce_scatter,
                .name = "pairwise",
                .cost = "p-1 messages, one partner at a time, p-1 blocks sent and reduced",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { pairwise_reduce_scatter(sink, args.blocks); },
                .formula = [](int p, choice const&) -> cost_terms {
                    return {p > 1 ? 1.0 : 0.0, p - 1.0, p - 1.0, p - 1.0};
                },
            },
            catalogue_entry{
                .what = collective::reduce_scatter,
                .name = "direct",
                .cost = "1 round of p-1 messages, p-1 blocks sent and reduced",
                .source = "linear baseline",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { direct_reduce_scatter(sink, args.blocks); },
                .formula = [](int p, choice const&) -> cost_terms {
                    return {p > 1 ? 1.0 : 0.0, p - 1.0, p - 1.0, p - 1.0};
                },
                .rounds_once = true,
            },
            catalogue_entry{
                .what = collective::reduce_scatter,
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
