#pragma once
/// The cases of the conformance suite: which calls are made, the same on all ranks.

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/tags.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace chorus::testing {

enum class mode : std::uint8_t { blocking, asynchronous, persistent };
enum class form : std::uint8_t { uniform, ragged, gaps };

struct conformance_case {
    collective what = collective::all_reduce;
    choice how;
    std::size_t count = 0; ///< elements per vector or block
    int root = 0;
    mode how_run = mode::blocking;
    form shape = form::uniform;
    bool in_place = false;
    std::uint64_t seed = 0;
};

inline std::string describe(conformance_case const& c) {
    constexpr char const* modes[] = {"blocking", "asynchronous", "persistent"};
    constexpr char const* forms[] = {"uniform", "ragged", "with gaps"};
    return std::string(name(c.what)) + " by " + to_string(c.how) + " of " + std::to_string(c.count) + ", root " +
           std::to_string(c.root) + ", " + modes[static_cast<std::size_t>(c.how_run)] + ", " +
           forms[static_cast<std::size_t>(c.shape)] + (c.in_place ? ", in place" : "") + ", seed " +
           std::to_string(c.seed);
}

/// Length of a block in the ragged forms: a third of them empty, none longer than twice the count.
inline std::size_t ragged_count(conformance_case const& c, int from, int to) {
    auto const k = static_cast<std::size_t>(from * 5 + to * 3) + c.seed;
    return k % 3 == 0 ? 0 : c.count * (k % 5) / 2;
}

/// What is run. `thorough` runs every (segments, mode, form, place) for every algorithm and count; otherwise each
/// algorithm and count meets one of them, chosen by seed, `rounds` times. All roots are met either way.
struct conformance_plan {
    std::uint64_t seed = 1;
    int rounds = 1;
    bool thorough = false;
    bool large = false;             ///< 70001 elements too
    bool native = false;            ///< the transport's own collectives too
    std::vector<collective> only{}; ///< empty: all
};

inline std::vector<std::size_t> interesting_counts(int p, bool large) {
    auto const n = static_cast<std::size_t>(p);
    std::vector<std::size_t> counts{0, 1, n - 1, n, n + 1, 3 * n + 2, 1000};
    if (large) counts.push_back(70001);
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    return counts;
}

/// Groupings of p ranks: equal, unequal, interleaved, all alone, all together, and groups of groups.
inline std::vector<choice> groupings(int p) {
    std::vector<choice> result{hierarchical::by_group(std::vector<int>(static_cast<std::size_t>(p), 0))};
    std::vector<int> halves, alternating, mixed, alone, pairs, pairs_of_pairs;
    for (int r = 0; r < p; ++r) {
        halves.push_back(r < (p + 2) / 3 ? 0 : 1);
        alternating.push_back(r % 2);
        mixed.push_back(r * 7 % 3);
        alone.push_back(r);
        pairs.push_back(r / 2);
        if (r % 2 == 0) pairs_of_pairs.push_back(r / 4);
    }
    result.push_back(hierarchical::by_group(halves, tree{}, ring{}));
    result.push_back(hierarchical::by_group(alternating, ring{}, tree{}));
    result.push_back(hierarchical::by_group(mixed));
    result.push_back(hierarchical::by_group(alone));
    result.push_back(hierarchical::by_group(pairs, {}, hierarchical::by_group(pairs_of_pairs)));
    return result;
}

/// Every algorithm of the collective, with its options, and the automatic choice.
inline std::vector<choice> algorithms_of(collective what, int p, bool native = false) {
    std::vector<choice> result{choice{}};
    for (auto const& entry : entries_of(what)) {
        if (entry.record == nullptr && !native) continue;
        choice how;
        how.name = entry.name;
        if (entry.name == "hierarchical") {
            for (auto const& each : groupings(p)) result.push_back(each);
        } else if (entry.name == "bruck") {
            for (int const radix : {2, 3, 5}) result.push_back(bruck{radix});
        } else {
            result.push_back(how);
        }
    }
    return result;
}

/// Calls `visit(case)` for every case of the plan, until it returns false.
template <class Visit>
void for_each_case(int p, conformance_plan const& plan, Visit visit) {
    constexpr int variants = 3 * 3 * 3 * 2; // segments, mode, form, place
    auto random = static_cast<std::uint32_t>(plan.seed);
    int root = 0;
    for (std::size_t w = 0; w < collective_names.size(); ++w) {
        auto const what = static_cast<collective>(w);
        if (what == collective::send_recv) continue;
        if (!plan.only.empty() && std::find(plan.only.begin(), plan.only.end(), what) == plan.only.end()) continue;
        auto const forms = has_blocks(what) ? 3 : 1;
        for (auto const& how : algorithms_of(what, p, plan.native))
            for (auto const count : interesting_counts(p, plan.large))
                for (int round = 0; round < (plan.thorough ? variants : plan.rounds); ++round) {
                    random = random * 1664525u + 1013904223u;
                    auto const variant = plan.thorough ? round : static_cast<int>((random >> 8) % variants);
                    if (plan.thorough && variant / 9 % 3 >= forms) continue;
                    conformance_case c;
                    c.what = what;
                    c.how = how;
                    if (!how.automatic() && how.name != "native")
                        c.how.segments = variant % 3 == 0 ? 0 : 1 + variant % 3;
                    c.count = count;
                    c.root = root = has_root(what) ? (root + 1) % p : 0;
                    c.how_run = static_cast<mode>(variant / 3 % 3);
                    c.shape = static_cast<form>(variant / 9 % forms);
                    c.in_place = variant / 27 == 1;
                    c.seed = random >> 8;
                    if (!visit(c)) return;
                }
    }
}

} // namespace chorus::testing
