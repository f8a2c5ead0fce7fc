#pragma once
/// Mixture of experts: who sends how many tokens to whom.

#include <chorus/traffic/automatic.hpp>
#include <chorus/traffic/job.hpp>
#include <chorus/traffic/phases.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// The part of all tokens that each of `ranks` ranks' experts get. Experts' popularity falls as (i + 1)^-skew (0: all
/// alike), in an order by lot; experts are dealt to ranks in blocks. Sums to 1.
inline std::vector<double> expert_load(std::int64_t experts, int ranks, double skew, std::uint64_t seed) {
    std::vector<double> popularity(static_cast<std::size_t>(experts));
    for (std::size_t i = 0; i < popularity.size(); ++i) popularity[i] = std::pow(static_cast<double>(i + 1), -skew);
    std::mt19937_64 random(seed);
    for (std::size_t i = popularity.size(); i > 1; --i) std::swap(popularity[i - 1], popularity[random() % i]);
    auto const sum = std::accumulate(popularity.begin(), popularity.end(), 0.0);
    std::vector<double> load(static_cast<std::size_t>(ranks));
    for (std::size_t i = 0; i < popularity.size(); ++i)
        load[i * static_cast<std::size_t>(ranks) / popularity.size()] += popularity[i] / sum;
    return load;
}

/// One all_to_all_v from every rank's tokens to the experts, in every expert group at once. `bytes` are one rank's
/// activations; each token goes to top_k experts. The way back is the same with source and destination exchanged, and
/// costs the same on full-duplex links with the skew at the other end; both are in the result, half a time each.
inline exchange expert_exchange(training const& of, algorithm_reader& algorithms, group_members const& groups, double bytes) {
    auto const width = static_cast<int>(groups[0].size());
    auto const total = bytes * static_cast<double>(std::max<std::int64_t>(1, of.model.top_k));
    auto const load = expert_load(of.model.experts, width, of.expert_skew, of.seed);
    auto const shared = std::make_shared<group_members const>(groups);
    auto all = std::make_shared<std::vector<phase>>();
    call const exchanged{collective::all_to_all, width, total / width};
    auto const even = phases_of(exchanged, algorithms.read(of.by.expert, exchanged, groups[0]));
    if (of.expert_skew == 0) {
        for (auto const& each : even) all->push_back(each.within(of.how.ranks(), shared));
        return all;
    }
    if (width > most_recorded_ranks)
        chorus::detail::misuse({"expert_skew should be 0 where more than ", most_recorded_ranks, " ranks share experts, here ", width, ": every pair has its own bytes"});
    for (auto const& each : even) { // the same partners, with the bytes that the destination's (or source's) experts draw
        std::vector<message> messages;
        each.for_each([&](message m) {
            m.bytes *= width * (load[static_cast<std::size_t>(m.destination)] + load[static_cast<std::size_t>(m.source)]) / 2;
            messages.push_back(m);
        });
        all->push_back(phase::listed(width, std::move(messages), each.repeats).within(of.how.ranks(), shared));
    }
    return all;
}

/// Ranks that hold the same experts: those at the same place of their expert groups.
inline group_members replicas_of_experts(parallel const& how) {
    auto const stride = how.stride('d');
    group_members groups;
    for (int rank = 0; rank < how.ranks(); ++rank) {
        if (rank / stride % how.data >= how.expert) continue;
        auto& members = groups.emplace_back();
        for (int i = 0; i < how.data / how.expert; ++i) members.push_back(rank + i * how.expert * stride);
    }
    return groups;
}

} // namespace chorus::traffic
