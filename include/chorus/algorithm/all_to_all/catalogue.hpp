#pragma once
/// The all-to-all algorithms, and what they cost. "Block" is what one rank has for another.

#include <chorus/algorithm/all_to_all/bruck.hpp>
#include <chorus/algorithm/all_to_all/direct.hpp>
#include <chorus/algorithm/all_to_all/hierarchical.hpp>
#include <chorus/algorithm/all_to_all/pairwise.hpp>
#include <chorus/algorithm/all_to_all/ring.hpp>
#include <chorus/algorithm/all_to_all/tree.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/pattern/bruck.hpp>
#include <chorus/pattern/powers.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace chorus {
namespace detail {

constexpr cost_terms all_to_all_cost(int rounds, int messages, double sent) {
    return {double(rounds), double(messages), sent, 0};
}
constexpr cost_terms all_at_once_cost(int p, choice const&) { return all_to_all_cost(p > 1, p - 1, p - 1); }

constexpr cost_terms ring_all_to_all_cost(int p, choice const&) {
    auto const to_all_within = [](int reach) { return 0.5 * reach * (reach + 1); };
    return all_to_all_cost(p / 2, p - 1, to_all_within(p / 2) + to_all_within((p - 1) / 2));
}

/// The tree of tree_all_gather; through the root goes all that crosses from one of its subtrees to another.
constexpr cost_terms tree_all_to_all_cost(int p, choice const&) {
    if (p == 1) return {};
    auto const q = ceil_log2(p);
    auto const deepest = 1 + floor_log2(p - (1 << (q - 1)));
    double sent = 0;
    for (int k = 0; k < q; ++k) {
        double const below = std::min(1 << k, p - (1 << k));
        sent += below * (p - below);
    }
    return all_to_all_cost(std::max(q - 1 + deepest, 2 * q - 3), q, sent);
}

/// A message waits for one of a lower digit if some block takes both: the least of those has 1 as both digits.
/// Neighbours among the digits share one, but for the highest digit, which may begin too close to p.
constexpr cost_terms bruck_all_to_all_cost(int p, choice const& how) {
    auto const rounds = bruck_rounds(p, how.radix);
    if (rounds.empty()) return {};
    int digits = 0, before_highest = 0;
    double sent = 0;
    for (auto const& round : rounds) {
        sent += static_cast<double>(moving_in(round, p, how.radix).size());
        if (round.digit != 1) continue;
        ++digits;
        if (round.weight < rounds.back().weight && round.weight + rounds.back().weight < p) ++before_highest;
    }
    return all_to_all_cost(std::max(digits - 1, before_highest + 1), static_cast<int>(rounds.size()), sent);
}

constexpr std::string_view bruck_all_to_all_refuses(int, choice const& how) {
    return how.radix >= 2 ? "" : "the radix must be at least 2";
}

} // namespace detail

template <class Lazy>
struct catalogue<collective::all_to_all, Lazy> {
    static constexpr auto list_simple() {
        return std::array{
            catalogue_entry{
                .what = collective::all_to_all,
                .name = "ring",
                .cost = "floor(p/2) rounds, about p^2/4 blocks sent, to neighbours only",
                .source = "Saad, Schultz, Parallel Computing 11, 1989",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { ring_all_to_all(sink, args.outgoing, args.incoming, args.transit); },
                .formula = detail::ring_all_to_all_cost,
                .forwards_blocks = true,
            },
            catalogue_entry{
                .what = collective::all_to_all,
                .name = "tree",
                .cost = "at most 2 ceil(log2 p) - 1 rounds, about 2 p^2/3 blocks sent by the root",
                .source = "Johnsson, Ho, IEEE Trans. Computers 38(9), 1989",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { tree_all_to_all(sink, args.outgoing, args.incoming, args.transit); },
                .formula = detail::tree_all_to_all_cost,
                .forwards_blocks = true,
            },
            catalogue_entry{
                .what = collective::all_to_all,
                .name = "pairwise",
                .cost = "1 round of p-1 messages, pair by pair, p-1 blocks sent",
                .source = "Thakur, Rabenseifner, Gropp, Int. J. High Performance Computing Applications 19(1), 2005",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { pairwise_all_to_all(sink, args.outgoing, args.incoming); },
                .formula = detail::all_at_once_cost,
            },
            catalogue_entry{
                .what = collective::all_to_all,
                .name = "bruck",
                .cost = "at most ceil(log_r p) rounds of up to r-1 messages, about p/2 log2 p blocks sent for r = 2",
                .source = "Bruck, Ho, Kipnis, Upfal, Weathersby, IEEE Trans. Parallel Distrib. Syst. 8(11), 1997",
                .keeps_order = true,
                .record =
                    [](record_sink& sink, arguments const& args) {
                        bruck_all_to_all(sink, args.outgoing, args.incoming, args.transit, args.how->radix);
                    },
                .formula = detail::bruck_all_to_all_cost,
                .refuses = detail::bruck_all_to_all_refuses,
                .forwards_blocks = true,
            },
            catalogue_entry{
                .what = collective::all_to_all,
                .name = "direct",
                .cost = "1 round of p-1 messages, p-1 blocks sent",
                .source = "folklore",
                .keeps_order = true,
                .record = [](record_sink& sink,
                             arguments const& args) { direct_all_to_all(sink, args.outgoing, args.incoming); },
                .formula = detail::all_at_once_cost,
            },
            catalogue_entry{
                .what = collective::all_to_all,
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
            .what = collective::all_to_all,
            .name = "hierarchical",
            .cost = "inside equal groups, then across: at most twice p-1 blocks sent; or through leaders",
            .source = "Träff, Hunold, IEEE Cluster 2020",
            .keeps_order = true,
            .record =
                [](record_sink& sink, arguments const& args) {
                    hierarchical_all_to_all(sink, args.outgoing, args.incoming, args.transit, *args.how);
                },
            .forwards_blocks = true,
        });
    }
    static constexpr auto entries = list_entries();
};

} // namespace chorus
