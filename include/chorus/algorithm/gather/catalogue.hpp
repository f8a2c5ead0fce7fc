#pragma once
/// The gather algorithms, and what they cost: the most for any rank and any root.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/gather/binomial.hpp>
#include <chorus/algorithm/gather/direct.hpp>
#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {
namespace detail {

constexpr cost_terms binomial_gather_cost(int p, choice const&) {
    if (p == 1) return {};
    auto const q = ceil_log2(p);
    return {double(q), 1, double(1 << (q - 1)), 0};
}
constexpr cost_terms direct_gather_cost(int p, choice const&) { return p == 1 ? cost_terms{} : cost_terms{1, 1, 1, 0}; }
} // namespace detail

template <class Lazy>
struct catalogue<collective::gather, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::gather,
                .name = "binomial",
                .cost = "ceil(log2 p) rounds, at most 2^(ceil(log2 p) - 1) blocks sent by a rank",
                .source = "Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { binomial_gather(sink, args.blocks, args.root); },
                .formula = detail::binomial_gather_cost,
            },
            catalogue_entry{
                .what = collective::gather,
                .name = "direct",
                .cost = "1 round, 1 block sent by each; the root receives p-1 messages",
                .source = "folklore",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { direct_gather(sink, args.blocks, args.root); },
                .formula = detail::direct_gather_cost,
            },
            catalogue_entry{
                .what = collective::gather,
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
