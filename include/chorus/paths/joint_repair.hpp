#pragma once
/// Joint loads of fixed paths, and the search that presses them down. See joint.hpp.

#include <chorus/network/routing.hpp>
#include <chorus/paths/connections.hpp>
#include <chorus/paths/loads.hpp>
#include <chorus/paths/xorshift.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// By strand and phase: which connections are used.
using joint_uses = std::vector<std::vector<std::vector<connections::use>>>;

/// The most loaded link, over all phases that may meet. Connections that are `unreachable` do not count.
inline double joint_load(topology const& on, std::span<flow const> flows, joint_uses const& uses,
                         std::span<route_id const> routes) {
    std::vector<double> total(on.links(), 0.0), busiest(on.links()), now(on.links());
    std::vector<link_id> touched;
    hop_buffer buffer;
    for (auto const& strand_uses : uses) {
        std::fill(busiest.begin(), busiest.end(), 0.0);
        for (auto const& phase : strand_uses) {
            touched.clear();
            for (auto const& [i, weight] : phase)
                if (routes[i] != unreachable)
                    for (auto const l : routing::expand(on, flows[i].source, flows[i].destination, routes[i], buffer)) {
                        if (now[l] == 0) touched.push_back(l);
                        now[l] += static_cast<double>(weight);
                    }
            for (auto const l : touched) busiest[l] = std::max(busiest[l], now[l]), now[l] = 0;
        }
        for (link_id l = 0; l < on.links(); ++l) total[l] += busiest[l];
    }
    load_unit const unit(on, {});
    double most = 0;
    for (link_id l = 0; l < on.links(); ++l) most = std::max(most, unit.load(total[l], on.rate(l)));
    return most;
}

/// Moves connections off overloaded links, each to the route where it meets the fewest others in its phases (the
/// min-conflicts heuristic). Repeats bit by bit.
///
///   memory   4 bytes for every link and phase
class joint_repair {
public:
    static bool fits(topology const& on, joint_uses const& uses) {
        std::size_t phases = 0;
        for (auto const& each : uses) phases += each.size();
        return phases * on.links() <= std::size_t{1} << 27;
    }

    joint_repair(topology const& on, std::span<flow const> flows, joint_uses const& uses, std::vector<route_id> routes)
        : on_(on),
          flows_(flows),
          routes_(std::move(routes)),
          strands_(uses.size()),
          first_use_(flows.size() + 1, 0),
          on_link_(on.links()) {
        for (std::uint32_t s = 0; s < uses.size(); ++s)
            for (auto const& phase : uses[s]) {
                strand_of_.push_back(s);
                for (auto const& each : phase) ++first_use_[each.connection + 1];
            }
        for (std::size_t i = 1; i < first_use_.size(); ++i) first_use_[i] += first_use_[i - 1];
        uses_.resize(first_use_.back());
        auto next = first_use_;
        std::uint32_t column = 0;
        for (auto const& each : uses)
            for (auto const& phase : each) {
                for (auto const& one : phase) uses_[next[one.connection]++] = {column, one.weight};
                ++column;
            }
        load_.assign(std::size_t{on.links()} * column, 0.0F);
        busiest_.assign(std::size_t{on.links()} * strands_, 0.0F);
        total_.assign(on.links(), 0.0F);
        for (std::uint32_t i = 0; i < flows.size(); ++i) put(i, routes_[i]);
    }

    std::vector<route_id> const& routes() const { return routes_; }

    /// Looks for a maximum load of `bound`, and for what is halfway there when it finds none, a few times.
    void towards(double bound) {
        auto const whole = std::all_of(uses_.begin(), uses_.end(), [](auto const& each) { return each.weight == 1; });
        auto low = bound;
        auto target = bound;
        double high = most();
        for (int round = 0; round < 5 && high > low * (1 + 1e-3); ++round) {
            auto const before = routes_;
            if (reach(target)) high = most();
            else {
                move_back(before);
                low = target;
            }
            if (whole && on_.healthy() && high - low <= 1 + 1e-3) return; // nothing between
            target = (low + high) / 2;
        }
    }

private:
    struct column_use {
        std::uint32_t column = 0; ///< phases, counted through all strands
        float weight = 1;
    };

    float most() const {
        float worst = 0;
        for (link_id l = 0; l < on_.links(); ++l) worst = std::max(worst, load(l));
        return worst;
    }
    float rate(link_id l) const { return static_cast<float>(on_.rate(l) / on_.nominal_rate(0)); }
    float load(link_id l) const {
        if (total_[l] <= tiny) return 0;
        return on_.alive(l) ? total_[l] / rate(l) : std::numeric_limits<float>::infinity();
    }
    std::span<column_use const> uses_of(std::uint32_t i) const {
        return std::span(uses_).subspan(first_use_[i], first_use_[i + 1] - first_use_[i]);
    }
    std::span<hop_id const> hops(std::uint32_t i, route_id route) {
        return routing::expand(on_, flows_[i].source, flows_[i].destination, route, buffer_);
    }

    void put(std::uint32_t i, route_id route) {
        routes_[i] = route;
        if (route == unreachable) return;
        for (auto const l : hops(i, route)) {
            on_link_[l].push_back(i);
            for (auto const& [column, weight] : uses_of(i)) {
                auto& now = load_[l * strand_of_.size() + column];
                auto& busiest = busiest_[l * strands_ + strand_of_[column]];
                now += weight;
                if (now <= busiest) continue;
                total_[l] += now - busiest;
                busiest = now;
            }
        }
    }
    void take(std::uint32_t i) {
        if (routes_[i] == unreachable) return;
        for (auto const l : hops(i, routes_[i])) {
            auto& here = on_link_[l];
            *std::find(here.begin(), here.end(), i) = here.back();
            here.pop_back();
            for (auto const& [column, weight] : uses_of(i)) load_[l * strand_of_.size() + column] -= weight;
            for (std::size_t k = 0; k < uses_of(i).size(); ++k) {
                auto const s = strand_of_[uses_of(i)[k].column];
                if (k == 0 || strand_of_[uses_of(i)[k - 1].column] != s) find_busiest(l, s);
            }
        }
        routes_[i] = unreachable;
    }
    /// Of a strand on a link, anew. Columns of a strand are neighbours.
    void find_busiest(link_id l, std::uint32_t s) {
        auto const begin = std::lower_bound(strand_of_.begin(), strand_of_.end(), s) - strand_of_.begin();
        auto const end = std::upper_bound(strand_of_.begin(), strand_of_.end(), s) - strand_of_.begin();
        auto const row = load_.begin() + static_cast<std::ptrdiff_t>(l * strand_of_.size());
        auto const now = *std::max_element(row + begin, row + end);
        auto& busiest = busiest_[l * strands_ + s];
        total_[l] += now - busiest;
        busiest = now;
    }
    void move_back(std::vector<route_id> const& before) {
        for (std::uint32_t i = 0; i < before.size(); ++i)
            if (routes_[i] != before[i]) take(i), put(i, before[i]);
    }

    /// True when no link is above the target. O(moves * routes * hops * phases of a connection).
    bool reach(double target) {
        auto const limit = static_cast<float>(target) * (1 + 1e-5F);
        std::vector<link_id> over;
        for (link_id l = 0; l < on_.links(); ++l)
            if (load(l) > limit) over.push_back(l);
        for (auto moves = std::min(most_moves, 20'000 + 20 * flows_.size()); moves > 0 && !over.empty(); --moves) {
            auto& pick = over[random_() % over.size()];
            auto const l = pick;
            if (load(l) <= limit) {
                pick = over.back();
                over.pop_back();
                continue;
            }
            auto const i = one_to_move(l);
            auto const was = routes_[i];
            take(i);
            auto const now = best_route(i, was, limit);
            put(i, now);
            for (auto const other : hops(i, now))
                if (load(other) > limit) over.push_back(other);
        }
        return std::all_of(over.begin(), over.end(), [&](link_id l) { return load(l) <= limit; });
    }
    /// By lot among those without which the link would be less loaded, if there is one.
    std::uint32_t one_to_move(link_id l) {
        auto const& here = on_link_[l];
        auto const first = random_() % here.size();
        for (std::size_t k = 0; k < here.size(); ++k) {
            auto const i = here[(first + k) % here.size()];
            for (auto const& [column, weight] : uses_of(i))
                if (load_[l * strand_of_.size() + column] >= busiest_[l * strands_ + strand_of_[column]] - tiny) return i;
        }
        return here[first];
    }
    /// Another route than before where the excess above the limit, over links and phases, is least.
    route_id best_route(std::uint32_t i, route_id was, float limit) {
        auto const count = on_.clos()->routes();
        auto const tries = std::min(count, most_tries);
        auto best = was;
        auto best_excess = std::numeric_limits<float>::infinity();
        for (std::uint32_t k = 0, first = static_cast<std::uint32_t>(random_() % count); k < tries; ++k) {
            auto const route = count <= most_tries ? (first + k) % count : static_cast<route_id>(random_() % count);
            if (route == was) continue;
            auto const excess = excess_of(i, route, limit, best_excess);
            if (excess >= best_excess) continue;
            best = route;
            best_excess = excess;
            if (excess == 0) break;
        }
        return best;
    }
    float excess_of(std::uint32_t i, route_id route, float limit, float enough) {
        float sum = 0;
        for (auto const l : hops(i, route)) {
            if (!on_.alive(l)) return std::numeric_limits<float>::infinity();
            auto const room = limit * rate(l);
            for (auto const& [column, weight] : uses_of(i)) {
                auto const others = total_[l] - busiest_[l * strands_ + strand_of_[column]];
                sum += std::max(0.0F, load_[l * strand_of_.size() + column] + weight + others - room);
            }
            if (sum >= enough) return sum;
        }
        return sum;
    }
    static constexpr std::uint32_t most_tries = 128;
    static constexpr std::size_t most_moves = 200'000;
    static constexpr float tiny = 1e-5F;

    topology const& on_;
    std::span<flow const> flows_;
    std::vector<route_id> routes_;
    std::size_t strands_;
    std::vector<std::uint32_t> strand_of_;  // by column
    std::vector<std::size_t> first_use_;    // by connection
    std::vector<column_use> uses_;
    std::vector<std::vector<std::uint32_t>> on_link_;
    std::vector<float> load_;               // by link, column
    std::vector<float> busiest_, total_;    // by link, strand; by link
    detail::xorshift random_;
    hop_buffer buffer_{};
};

} // namespace chorus
