#pragma once
/// The exchanges of a program as flows between endpoints, by what may be under way together.

#include <chorus/core/errors.hpp>
#include <chorus/network/flow.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// Messages of a phase as flows between endpoints, of whole bytes. Throws usage_error for a rank without a place.
inline std::vector<flow> placed(phase const& what, member const& job, std::uint32_t tag, double repeats) {
    std::vector<flow> flows;
    flows.reserve(what.size());
    what.for_each([&](message const& m) {
        auto const most = static_cast<std::size_t>(std::max(m.source, m.destination));
        if (most >= job.ranks.size()) chorus::detail::misuse({"job ", job.name, ": rank ", most, " has no place"});
        flows.push_back({job.ranks[static_cast<std::size_t>(m.source)], job.ranks[static_cast<std::size_t>(m.destination)],
                         static_cast<std::uint64_t>(std::ceil(m.bytes * repeats)), tag});
    });
    return flows;
}

/// Flows of all phases that are kept at once.
inline constexpr std::size_t most_placed_flows = std::size_t{1} << 25;

/// Calls visit(activity, phase) for every phase of every exchange, once where activities of a job share an exchange.
/// Throws usage_error where there are more than `most_placed_flows` flows in all.
template <class Visit>
void for_each_exchange(program const& what, Visit visit) {
    std::set<std::pair<std::uint32_t, exchange>> seen;
    std::size_t flows = 0;
    for (auto const& each : what.activities) {
        if (!each.phases || !seen.emplace(each.job, each.phases).second) continue;
        for (auto const& one : *each.phases) flows += one.size();
        if (flows > most_placed_flows)
            chorus::detail::misuse({"job ", what.jobs[each.job].name, ": more than ", most_placed_flows,
                                    " flows in all phases; \"sample\" some of them"});
        for (std::size_t p = 0; p < each.phases->size(); ++p) visit(each, p);
    }
}

/// Which exchanges follow each other: those of one job, kind (tensor, data, pipeline...) and strand. Others may meet them at any time.
class strand_numbers {
public:
    std::uint32_t of(activity const& each) {
        auto const next = static_cast<std::uint32_t>(numbers_.size());
        return numbers_.try_emplace({each.job, each.kind, each.strand}, next).first->second;
    }

private:
    std::map<std::tuple<std::uint32_t, std::string, std::uint32_t>, std::uint32_t> numbers_;
};

inline std::vector<strand> strands_of(program const& what) {
    std::vector<strand> all;
    strand_numbers numbers;
    for_each_exchange(what, [&](activity const& each, std::size_t p) {
        auto const at = numbers.of(each);
        all.resize(std::max(all.size(), std::size_t{at} + 1));
        auto const& one = (*each.phases)[p];
        all[at].phases.push_back(placed(one, what.jobs[each.job], each.job, static_cast<double>(one.repeats) * each.times));
    });
    return all;
}

} // namespace chorus::traffic
