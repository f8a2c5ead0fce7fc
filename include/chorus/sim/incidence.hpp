#pragma once
/// Which flows are on which links, while flows come and go.

#include <chorus/core/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace chorus::sim {

/// Flows by link and links by flow, with a weight for each flow on each of its links.
///
///   order      flows of a link: the latest first
///   memory     16 bytes for a flow on a link, 24 where there are weights other than 1; what removed flows leave is used again
///   cost       add, remove: O(links of the flow); the visits: O(1) for each one visited
class incidence {
public:
    explicit incidence(std::size_t links) : heads_(links, -1) {}

    /// Makes room for that many flows and that many links of theirs in all: growing step by step touches twice the pages.
    void reserve(std::size_t flows, std::size_t entries) {
        flows_.reserve(flows);
        entries_.reserve(entries);
    }

    /// All flows' numbers are below.
    std::size_t bound() const { return flows_.size(); }

    /// A flow over these links, each named once, with a weight on each (none given: 1). Returns its number, that of a removed flow where
    /// there is one of as many links. Throws usage_error where there is no link, or a weight that is not positive; nothing is added then.
    std::int32_t add(std::span<std::uint32_t const> links, std::span<double const> weights) {
        if (links.empty()) detail::misuse({"a flow of the simulation needs a link"});
        if (!weights.empty() && weights.size() != links.size()) detail::misuse({"a weight is needed for each of ", links.size(), " links"});
        for (auto const link : links)
            if (link >= heads_.size()) detail::misuse({"no link ", link});
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (!(weights[i] > 0)) detail::misuse({"the weight of a flow on link ", links[i], " is not positive"});
        auto const number = slot(links.size());
        for (std::size_t i = 0; i < links.size(); ++i)
            attach(of(number).first + static_cast<std::int32_t>(i), links[i], number, weights.empty() ? 1.0 : weights[i]);
        return number;
    }

    /// Calls left(link) for every link that the flow was on. Precondition: `add` has given the number, and it was not removed since.
    void remove(std::int32_t flow, auto const& left) {
        auto const [first, count] = of(flow);
        for (auto e = first; e < first + count; ++e) {
            auto const& gone = entry(e);
            if (gone.next >= 0) entry(gone.next).previous = gone.previous;
            (gone.previous >= 0 ? entry(gone.previous).next : heads_[gone.link]) = gone.next;
            left(gone.link);
        }
        free_[count].push_back(flow);
    }

    /// Calls visit(link, weight).
    void links_of(std::int32_t flow, auto const& visit) const {
        auto const [first, count] = of(flow);
        for (auto e = first; e < first + count; ++e) visit(entry(e).link, weight(e));
    }
    /// Calls visit(flow, weight).
    void flows_on(std::uint32_t link, auto const& visit) const {
        for (auto e = heads_[link]; e >= 0; e = entry(e).next) visit(entry(e).flow, weight(e));
    }

private:
    /// A flow on a link: a node of the link's list.
    struct entry_state {
        std::uint32_t link = 0;
        std::int32_t flow = -1, next = -1, previous = -1;
    };
    struct range {
        std::int32_t first = 0, count = 0;
    };

    range& of(std::int32_t flow) { return flows_[static_cast<std::size_t>(flow)]; }
    range const& of(std::int32_t flow) const { return flows_[static_cast<std::size_t>(flow)]; }
    entry_state& entry(std::int32_t e) { return entries_[static_cast<std::size_t>(e)]; }
    entry_state const& entry(std::int32_t e) const { return entries_[static_cast<std::size_t>(e)]; }
    double weight(std::int32_t e) const { return weights_.empty() ? 1 : weights_[static_cast<std::size_t>(e)]; }

    std::int32_t slot(std::size_t count) {
        auto& free = free_[static_cast<std::int32_t>(count)];
        if (!free.empty()) {
            auto const number = free.back();
            free.pop_back();
            return number;
        }
        flows_.push_back({static_cast<std::int32_t>(entries_.size()), static_cast<std::int32_t>(count)});
        entries_.resize(entries_.size() + count);
        if (!weights_.empty()) weights_.resize(entries_.size());
        return static_cast<std::int32_t>(flows_.size()) - 1;
    }
    void attach(std::int32_t e, std::uint32_t link, std::int32_t flow, double share) {
        auto& head = heads_[link];
        entry(e) = {link, flow, head, -1};
        if (weights_.empty() && share != 1) weights_.assign(entries_.size(), 1);
        if (!weights_.empty()) weights_[static_cast<std::size_t>(e)] = share;
        if (head >= 0) entry(head).previous = e;
        head = e;
    }

    std::vector<std::int32_t> heads_; ///< by link: the first of its list
    std::vector<range> flows_;        ///< the entries of each
    std::vector<entry_state> entries_;
    std::vector<double> weights_; ///< by entry; none where all are 1
    std::map<std::int32_t, std::vector<std::int32_t>> free_; ///< numbers of removed flows, by their number of links
};

} // namespace chorus::sim
