#pragma once
/// The plainest max-min fair simulation, to compare the real one with: everything anew at every event.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace chorus::testing {

struct plain_flow {
    std::vector<std::uint32_t> links;
    std::vector<double> weights;
    double bytes = 1;
};
struct sharing_problem {
    std::vector<double> capacities;
    std::vector<plain_flow> flows;
};

inline plain_flow random_flow(std::mt19937_64& random, std::size_t links) {
    plain_flow flow;
    auto const count = 1 + random() % std::min<std::size_t>(5, links);
    while (flow.links.size() < count) {
        auto const link = static_cast<std::uint32_t>(random() % links);
        if (std::find(flow.links.begin(), flow.links.end(), link) != flow.links.end()) continue;
        flow.links.push_back(link);
        flow.weights.push_back(random() % 3 == 0 ? 0.25 * static_cast<double>(1 + random() % 6) : 1.0);
    }
    flow.bytes = static_cast<double>(random() % 20);
    return flow;
}

inline sharing_problem random_problem(std::mt19937_64& random, int links, int flows) {
    sharing_problem problem;
    for (int i = 0; i < links; ++i) problem.capacities.push_back(static_cast<double>(1 + random() % 8));
    for (int i = 0; i < flows; ++i) problem.flows.push_back(random_flow(random, problem.capacities.size()));
    return problem;
}

/// Raises all rates together; whoever uses a link that is full stays.
inline std::vector<double> water_filling(sharing_problem const& problem) {
    std::vector<double> rates(problem.flows.size(), -1), left = problem.capacities;
    for (;;) {
        std::vector<double> weight(left.size());
        for (std::size_t f = 0; f < rates.size(); ++f)
            for (std::size_t i = 0; rates[f] < 0 && i < problem.flows[f].links.size(); ++i)
                weight[problem.flows[f].links[i]] += problem.flows[f].weights[i];
        auto lowest = std::numeric_limits<double>::infinity();
        std::size_t full = 0;
        for (std::size_t l = 0; l < left.size(); ++l)
            if (weight[l] > 1e-12 && std::max(0.0, left[l]) / weight[l] < lowest) lowest = std::max(0.0, left[l]) / weight[l], full = l;
        if (lowest == std::numeric_limits<double>::infinity()) return rates;
        for (std::size_t f = 0; f < rates.size(); ++f) {
            auto const& flow = problem.flows[f];
            if (rates[f] >= 0 || std::find(flow.links.begin(), flow.links.end(), full) == flow.links.end()) continue;
            rates[f] = lowest;
            for (std::size_t i = 0; i < flow.links.size(); ++i)
                left[flow.links[i]] -= flow.weights[i] * lowest;
        }
    }
}

/// When each flow ends if all start at 0.
inline std::vector<double> finish_times(sharing_problem problem) {
    auto const count = problem.flows.size();
    std::vector<double> left(count), finish(count);
    std::vector<std::size_t> active(count);
    std::iota(active.begin(), active.end(), std::size_t{0});
    for (std::size_t f = 0; f < count; ++f) left[f] = problem.flows[f].bytes;
    for (double now = 0; !active.empty();) {
        sharing_problem present{problem.capacities, {}};
        for (auto const f : active) present.flows.push_back(problem.flows[f]);
        auto const rates = water_filling(present);
        auto step = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < active.size(); ++i) step = std::min(step, left[active[i]] <= 0 ? 0 : left[active[i]] / rates[i]);
        now += step;
        for (std::size_t i = 0; i < active.size(); ++i) left[active[i]] -= rates[i] * step;
        std::erase_if(active, [&](std::size_t f) {
            if (left[f] > 1e-9) return false;
            finish[f] = now;
            return true;
        });
    }
    return finish;
}

} // namespace chorus::testing
