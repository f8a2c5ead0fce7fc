#pragma once
/// Phases: which messages of a collective are under way together.

#include <chorus/core/errors.hpp>
#include <chorus/pattern/groups.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace chorus::traffic {

struct message {
    std::int32_t source = 0;
    std::int32_t destination = 0;
    double bytes = 0;

    friend auto operator<=>(message const&, message const&) = default;
};

/// A set of messages, a number of times in succession. Most phases look the same from every rank, so that a phase of a
/// million messages is kept as one line: every rank sends so much to the rank so far on (`shift`), or to the one whose
/// number differs in these bits (`exchange`); only what is irregular is listed. The same may happen in many groups of
/// ranks at once (`within`).
class phase {
public:
    std::uint64_t repeats = 1;

    /// Every rank to the one `distance` further on, around; distance may be negative.
    static phase shift(int ranks, int distance, double bytes, std::uint64_t repeats = 1) {
        phase result(ranks, repeats);
        return result.and_shift(distance, bytes);
    }
    /// Every rank to rank ^ bits. Precondition: ranks is a power of two, bits < ranks.
    static phase exchange(int ranks, int bits, double bytes, std::uint64_t repeats = 1) {
        phase result(ranks, repeats);
        result.moves_.push_back({true, bits, bytes});
        return result;
    }
    static phase listed(int ranks, std::vector<message> messages, std::uint64_t repeats = 1) {
        phase result(ranks, repeats);
        result.list_ = std::make_shared<std::vector<message> const>(std::move(messages));
        return result;
    }
    /// And at the same time another shift.
    phase& and_shift(int distance, double bytes) {
        moves_.push_back({false, distance, bytes});
        return *this;
    }

    /// The same in each group of `ranks` ranks at once; a group's members are what this phase calls 0, 1, 2...
    /// Precondition: every group has as many members as this phase has ranks.
    phase within(int ranks, std::shared_ptr<group_members const> groups) const {
        auto result = *this;
        result.ranks_ = ranks;
        result.groups_ = groups_ ? nested(*groups_, *groups) : std::move(groups);
        return result;
    }

    int ranks() const { return ranks_; }
    /// Messages of one repeat.
    std::size_t size() const {
        std::size_t const in_group = (list_ ? list_->size() : 0) + moves_.size() * static_cast<std::size_t>(inner_);
        return groups_ ? in_group * groups_->size() : in_group;
    }
    /// Calls visit(message) for every message of one repeat, in a fixed order.
    template <class Visit>
    void for_each(Visit visit) const {
        if (!groups_) return for_each_inside(visit);
        for (auto const& members : *groups_)
            for_each_inside([&](message const& m) {
                visit(message{members[static_cast<std::size_t>(m.source)], members[static_cast<std::size_t>(m.destination)], m.bytes});
            });
    }
    std::vector<message> messages() const {
        std::vector<message> all;
        all.reserve(size());
        for_each([&](message const& m) { all.push_back(m); });
        return all;
    }
    /// Sum over one repeat.
    double bytes() const {
        double sum = 0;
        for_each([&](message const& m) { sum += m.bytes; });
        return sum;
    }

private:
    struct move {
        bool exchange;
        int by;
        double bytes;
    };

    phase(int ranks, std::uint64_t times) : repeats(times), ranks_(ranks), inner_(ranks) {}

    static std::shared_ptr<group_members const> nested(group_members const& inner, group_members const& outer) {
        auto all = std::make_shared<group_members>();
        for (auto const& members : outer)
            for (auto const& some : inner) {
                auto& group = all->emplace_back();
                for (auto const index : some) group.push_back(members[static_cast<std::size_t>(index)]);
            }
        return all;
    }
    template <class Visit>
    void for_each_inside(Visit visit) const {
        if (list_)
            for (auto const& each : *list_) visit(each);
        for (auto const& [exchange, by, bytes] : moves_)
            for (std::int32_t rank = 0; rank < inner_; ++rank) {
                auto const on = (std::int64_t{rank} + by) % inner_;
                visit(message{rank, exchange ? rank ^ by : static_cast<std::int32_t>(on < 0 ? on + inner_ : on), bytes});
            }
    }

    int ranks_;
    int inner_; ///< ranks of a group; all of them where there are no groups
    std::vector<move> moves_;
    std::shared_ptr<std::vector<message> const> list_;
    std::shared_ptr<group_members const> groups_;
};

/// How many times messages are exchanged one after the other: the sum of the repeats.
inline std::uint64_t steps(std::span<phase const> phases) {
    std::uint64_t sum = 0;
    for (auto const& each : phases) sum += each.repeats;
    return sum;
}

/// What all ranks send together, in bytes.
inline double volume(std::span<phase const> phases) {
    double sum = 0;
    for (auto const& each : phases) sum += each.bytes() * static_cast<double>(each.repeats);
    return sum;
}

} // namespace chorus::traffic
