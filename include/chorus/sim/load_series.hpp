#pragma once
/// What links carry over time.

#include <chorus/network/routing.hpp>
#include <chorus/network/topology.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace chorus::sim {

/// Bytes that groups of links carry, in at most `intervals` intervals of equal length from time 0 on; where time goes beyond the last
/// one, they are joined two by two. So memory is bounded, whatever is simulated.
///
///   memory   intervals x groups numbers
///   cost     O(intervals) at most for each time that a flow's rate changes and each of its links
class load_series {
public:
    /// Every link a group of its own.
    explicit load_series(topology const& on, std::size_t intervals = 128) : load_series(on, {}, on.links(), intervals) {}
    /// `group_of`: by link, each below `groups`; empty: its number. `intervals`: even, 2 at least.
    load_series(topology const& on, std::vector<std::uint32_t> group_of, std::uint32_t groups, std::size_t intervals = 128)
        : group_of_(std::move(group_of)), groups_(groups), most_(intervals), capacity_(groups), parts_(on.hops()), carried_(intervals * groups) {
        for (link_id l = 0; l < on.links(); ++l) capacity_[group(l)] += on.nominal_rate(l);
    }

    /// Seconds of an interval, and how many there are; the last one may end before it is over.
    double length() const { return length_; }
    std::size_t intervals() const { return length_ > 0 ? static_cast<std::size_t>(std::min<double>(static_cast<double>(most_), end_ / length_ + 1 - 1e-9)) : 0; }
    std::uint32_t groups() const { return groups_; }
    double bytes(std::size_t interval, std::uint32_t group) const { return carried_[interval * groups_ + group]; }
    /// Nominal bytes per second of all links of a group.
    double capacity(std::uint32_t group) const { return capacity_[group]; }
    /// The part of that which was in use.
    double load(std::size_t interval, std::uint32_t group) const {
        auto const seconds = std::min(length_, end_ - static_cast<double>(interval) * length_);
        return seconds > 0 ? bytes(interval, group) / (capacity_[group] * seconds) : 0;
    }

    /// A flow had this rate on a hop from `begin` to `end`. Of a bundle, living links carry what they can, in proportion.
    void carry(topology const& on, hop_id hop, double begin, double end, double bytes_per_second) {
        if (!(end > begin) || bytes_per_second == 0) return;
        if (length_ == 0) length_ = end / static_cast<double>(most_);
        while (end > length_ * static_cast<double>(most_)) join();
        end_ = std::max(end_, end);
        auto const first = static_cast<std::size_t>(begin / length_);
        for (auto i = first; i < most_ && static_cast<double>(i) * length_ < end; ++i) {
            auto const from = std::max(begin, static_cast<double>(i) * length_), to = std::min(end, static_cast<double>(i + 1) * length_);
            if (to <= from) continue;
            for (auto const& [its_group, share] : parts(on, hop)) carried_[i * groups_ + its_group] += share * bytes_per_second * (to - from);
        }
    }
    /// Links have another health now.
    void links_changed() {
        for (auto& each : parts_) each.clear();
    }

private:
    struct part {
        std::uint32_t group;
        double share;
    };

    std::uint32_t group(link_id l) const { return group_of_.empty() ? l : group_of_[l]; }

    /// The groups whose links a hop consists of.
    std::vector<part> const& parts(topology const& on, hop_id hop) {
        auto& all = parts_[hop];
        if (!all.empty()) return all;
        if (on.is_link(hop)) {
            all.push_back({group(hop), 1});
            return all;
        }
        auto const links = on.bundle(hop);
        double sum = 0;
        for (std::uint32_t i = 0; i < links.size(); ++i) sum += on.rate(links.link(i));
        for (std::uint32_t i = 0; i < links.size(); ++i) {
            auto const share = sum > 0 ? on.rate(links.link(i)) / sum : 0.0;
            auto const number = group(links.link(i));
            if (!all.empty() && all.back().group == number) all.back().share += share;
            else all.push_back({number, share});
        }
        return all;
    }

    void join() {
        length_ *= 2;
        for (std::size_t i = 0; i < most_; ++i)
            for (std::uint32_t g = 0; g < groups_; ++g)
                carried_[i * groups_ + g] = 2 * i + 1 < most_ ? carried_[2 * i * groups_ + g] + carried_[(2 * i + 1) * groups_ + g] : 0;
    }

    std::vector<std::uint32_t> group_of_;
    std::uint32_t groups_;
    std::size_t most_;
    std::vector<double> capacity_;
    std::vector<std::vector<part>> parts_; ///< by hop, where it is known
    std::vector<double> carried_;          ///< by interval and group
    double length_ = 0, end_ = 0;
};

} // namespace chorus::sim
