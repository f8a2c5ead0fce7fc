#pragma once
/// The scatter algorithms, and what they cost: the most for any rank and any root.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/scatter/binomial.hpp>
#include <chorus/algorithm/scatter/direct.hpp>
#include <chorus/pattern/powers.hpp>

#include <array>

namespace chorus {
namespace detail {

constexpr cost_terms binomial_scatter_cost(int p, choice const&) {
    return {double(ceil_log2(p)), double(ceil_log2(p)), double(p - 1), 0};
}
constexpr cost_terms direct_scatter_cost(int p, choice const&) {
    return {double(p > 1), double(p - 1), double(p - 1), 0};
}
} // namespace detail

template <class Lazy>
struct catalogue<collective::scatter, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::scatter,
                .name = "binomial",
                .cost = "ceil(log2 p) rounds, p-1 blocks sent by the root",
                .source = "Chan, Heimlich, Purkayastha, van de Geijn, Concurrency Computat. 19(13), 2007",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { binomial_scatter(sink, args.blocks, args.root); },
                .formula = detail::binomial_scatter_cost,
            },
            catalogue_entry{
                .what = collective::scatter,
                .name = "direct",
                .cost = "1 round of p-1 messages, p-1 blocks sent by the root",
                .source = "folklore",
                .keeps_order = true,
                .record = [](record_sink& sink, arguments const& args) { direct_scatter(sink, args.blocks, args.root); },
                .formula = detail::direct_scatter_cost,
            },
            catalogue_entry{
                .what = collective::scatter,
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
