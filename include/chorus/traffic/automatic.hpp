#pragma once
/// The automatic choice of a job's algorithms: the least time as predicted for the network that the job runs on.

#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/parse.hpp>
#include <chorus/network/shortest.hpp>
#include <chorus/network/topology.hpp>
#include <chorus/traffic/phases.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// Reads the algorithms of one job. The topology and the member outlive it.
class algorithm_reader {
public:
    /// `step_overhead`: seconds that every step costs beside the latency of its path.
    algorithm_reader(topology const& on, double step_overhead, member& of) : on_(on), step_overhead_(step_overhead), of_(of) {}

    /// The choice that the text names; "auto" becomes the cheapest among the members, which is noted in member::chosen.
    /// Precondition: check_algorithm has passed the text. Throws usage_error where nothing serves.
    choice read(std::string const& text, call const& of, std::vector<int> const& members) {
        auto how = parse_choice(text, of.ranks);
        if (!how.automatic() || of.ranks < 2) return how;
        how.name = cheapest(of, members);
        auto note = chorus::detail::text({name(of.what), " of ", chorus::detail::short_number(of.bytes), has_blocks(of.what) ? " bytes a block among " : " bytes among ",
                                          of.ranks, " ranks: ", how.name});
        if (std::find(of_.chosen.begin(), of_.chosen.end(), note) == of_.chosen.end()) of_.chosen.push_back(std::move(note));
        return how;
    }

private:
    /// Hockney's model: a step costs the latency of a path between the first and the last member, a byte the time on that
    /// path's narrowest link. Of equal ones, the first in the catalogue.
    std::string_view cheapest(call const& of, std::vector<int> const& members) const {
        auto const [latency, per_byte] = path_between(members.front(), members.back());
        std::string_view best;
        auto least = 0.0;
        for (auto const& entry : entries_of(of.what)) {
            choice how;
            how.name = entry.name;
            if (entry.record == nullptr || entry.formula == nullptr) continue;
            if (entry.refuses != nullptr && !entry.refuses(of.ranks, how).empty()) continue;
            if (is_large(of) && !(is_symmetric(of.what) ? closed_form(of, how).has_value() : of.ranks <= most_recorded_ranks || !has_blocks(of.what)))
                continue;
            auto const [steps, bytes] = is_large(of) && is_symmetric(of.what) ? as_counted(entry, of) : as_phases(of, how);
            auto const time = steps * latency + bytes * per_byte;
            if (best.empty() || time < least) best = entry.name, least = time;
        }
        if (best.empty()) chorus::detail::misuse({name(of.what), " among ", of.ranks, " ranks: no algorithm serves; name one"});
        return best;
    }
    struct cost {
        double steps, bytes; ///< one after the other
    };
    static bool is_large(call const& of) { return of.ranks > 256; }
    /// Whether there are closed forms, for which the catalogue's counts are what the phases cost.
    static bool is_symmetric(collective what) {
        return what == collective::all_reduce || what == collective::all_gather || what == collective::reduce_scatter ||
               what == collective::all_to_all || what == collective::barrier;
    }
    static cost as_counted(catalogue_entry const& entry, call const& of) {
        auto const counted = entry.formula(of.ranks, {});
        return {std::max(counted.rounds, counted.messages), counted.sent * of.bytes};
    }
    /// What the busiest rank of each phase sends or receives, summed.
    static cost as_phases(call const& of, choice const& how) {
        cost sum{0, 0};
        std::vector<double> load(2 * static_cast<std::size_t>(of.ranks));
        for (auto const& each : phases_of(of, how)) {
            std::fill(load.begin(), load.end(), 0.0);
            each.for_each([&](message const& m) {
                load[2 * static_cast<std::size_t>(m.source)] += m.bytes;
                load[2 * static_cast<std::size_t>(m.destination) + 1] += m.bytes;
            });
            sum.steps += static_cast<double>(each.repeats);
            sum.bytes += static_cast<double>(each.repeats) * *std::max_element(load.begin(), load.end());
        }
        return sum;
    }
    struct path_cost {
        double latency, per_byte;
    };
    path_cost path_between(int first, int last) const {
        auto const from = of_.ranks.at(static_cast<std::size_t>(first)), to = of_.ranks.at(static_cast<std::size_t>(last));
        shortest_paths paths(on_);
        path_cost result{step_overhead_, 0};
        for (vertex_id at = from; at != to;) {
            auto const next = paths.next_hops(at, to);
            if (next.empty()) break; // no living path: the simulation says so
            result.latency += on_.latency(next.front());
            result.per_byte = std::max(result.per_byte, 1 / on_.nominal_rate(next.front()));
            at = on_.to(next.front());
        }
        return result;
    }

    topology const& on_;
    double step_overhead_;
    member& of_;
};

} // namespace chorus::traffic
