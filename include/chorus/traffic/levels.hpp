#pragma once
/// In which phase each message of a collective travels, from what waits for what.

#include <chorus/core/errors.hpp>
#include <chorus/schedule/step.hpp>
#include <chorus/traffic/phase.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// The steps of all ranks with their order, rank by rank; all else about a schedule is forgotten.
///
///   level of a send      one more than the latest of what it waits for, of the send before it on its rank's lane, and of
///                        what the receiver's memory waits for if it is a plain receive (a fold may wait in staging)
///   level of a receive   that of its send; a fold also waits for its slice
///   level of the rest    the latest of what it waits for
class level_graph {
public:
    /// The next step of the present rank. Sends on one lane follow each other.
    void add(step const& s, double bytes, std::span<std::int32_t const> predecessors) {
        auto const lane = std::size_t{s.lane};
        auto const here = add(s.kind, s.peer, s.lane, bytes, predecessors);
        if (!s.sends()) return;
        if (last_send_.size() <= lane) last_send_.resize(lane + 1, -1);
        if (last_send_[lane] >= 0) edges_.emplace_back(last_send_[lane], here);
        last_send_[lane] = here;
    }
    /// A step that waits for `predecessors` (numbers of steps of its rank, also later ones) and nothing else; messages of
    /// a channel are matched in order. Returns its number among all steps.
    std::int32_t add(step_kind kind, std::int32_t peer, std::int32_t channel, double bytes, std::span<std::int32_t const> predecessors) {
        auto const here = static_cast<std::int32_t>(nodes_.size());
        nodes_.push_back({kind, peer, rank_, bytes});
        for (auto const before : predecessors) edges_.emplace_back(first_ + before, here);
        if (kind == step_kind::send) channels_.push_back({rank_, peer, channel, false, here});
        if (kind == step_kind::recv || kind == step_kind::recv_reduce) channels_.push_back({peer, rank_, channel, true, here});
        return here;
    }
    void end_rank() {
        ++rank_;
        first_ = static_cast<std::int32_t>(nodes_.size());
        last_send_.clear();
    }

    /// Messages by level, once all ranks are added. Throws usage_error where sends and receives do not fit, in number or
    /// size, or steps wait for each other.
    std::vector<std::vector<message>> levels() {
        match();
        link();
        level_.assign(nodes_.size(), -1);
        order_.clear();
        for (std::size_t n = 0; n < nodes_.size(); ++n)
            if (waits_[n] == 0) order_.push_back(static_cast<std::int32_t>(n));
        std::vector<std::vector<message>> result;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            auto const n = static_cast<std::size_t>(order_[i]);
            auto const& node = nodes_[n];
            if (node.kind == step_kind::send) {
                auto const at = static_cast<std::size_t>(++level_[n]);
                if (at >= result.size()) result.resize(at + 1);
                result[at].push_back({node.rank, node.peer, node.bytes});
            }
            visit_after(order_[i], [&](std::int32_t next) {
                auto& later = level_[static_cast<std::size_t>(next)];
                later = std::max(later, level_[n]);
                if (--waits_[static_cast<std::size_t>(next)] == 0) order_.push_back(next);
            });
        }
        if (order_.size() != nodes_.size()) throw usage_error("chorus: traffic: steps of this algorithm wait for each other");
        return result;
    }

    // After levels():

    /// The numbers of all steps, each after those that it waits for.
    std::vector<std::int32_t> const& order() const { return order_; }
    /// -1 of what waits for no message.
    std::int32_t level(std::int32_t step) const { return level_[static_cast<std::size_t>(step)]; }
    /// Calls visit(number) for every step that waits for this one.
    template <class Visit>
    void visit_after(std::int32_t step, Visit visit) const {
        auto const n = static_cast<std::size_t>(step);
        for (auto k = first_after_[n]; k < first_after_[n + 1]; ++k) visit(after_[k]);
    }

private:
    struct step_node {
        step_kind kind;
        std::int32_t peer, rank;
        double bytes;
    };
    /// One end of a message; sorted, both ends of the k-th message of a channel come as the k-th of their kind.
    struct message_end {
        std::int32_t source, destination, lane;
        bool receives;
        std::int32_t node;
        auto key() const { return std::tuple(source, destination, lane, receives, node); }
        auto channel() const { return std::tuple(source, destination, lane); }
    };

    void match() {
        std::sort(channels_.begin(), channels_.end(), [](auto const& a, auto const& b) { return a.key() < b.key(); });
        receive_of_.assign(nodes_.size(), -1);
        send_of_.assign(nodes_.size(), -1);
        for (std::size_t begin = 0; begin < channels_.size();) {
            auto end = begin;
            std::size_t sends = 0;
            while (end < channels_.size() && channels_[end].channel() == channels_[begin].channel()) sends += channels_[end++].receives ? 0 : 1;
            if (2 * sends != end - begin)
                chorus::detail::misuse({"traffic: rank ", channels_[begin].source, " sends ", sends, " messages to rank ",
                                        channels_[begin].destination, ", which expects ", end - begin - sends});
            for (std::size_t k = 0; k < sends; ++k) pair(channels_[begin + k].node, channels_[begin + sends + k].node);
            begin = end;
        }
    }
    /// The receive ends after its send; what a plain receive waits for, its send waits for.
    void pair(std::int32_t send, std::int32_t receive) {
        auto const& from = nodes_[static_cast<std::size_t>(send)];
        auto const& to = nodes_[static_cast<std::size_t>(receive)];
        if (from.bytes != to.bytes)
            throw usage_error("chorus: traffic: rank " + std::to_string(from.rank) + " sends " + std::to_string(from.bytes) + " bytes to rank " +
                              std::to_string(to.rank) + ", which expects " + std::to_string(to.bytes));
        receive_of_[static_cast<std::size_t>(send)] = receive;
        if (to.kind == step_kind::recv) send_of_[static_cast<std::size_t>(receive)] = send;
    }
    void link() {
        for (auto& [before, node] : edges_)
            if (auto const send = send_of_[static_cast<std::size_t>(node)]; send >= 0) node = send;
        for (std::size_t n = 0; n < nodes_.size(); ++n)
            if (receive_of_[n] >= 0) edges_.emplace_back(static_cast<std::int32_t>(n), receive_of_[n]);
        first_after_.assign(nodes_.size() + 1, 0);
        waits_.assign(nodes_.size(), 0);
        for (auto const& [before, node] : edges_) {
            ++first_after_[static_cast<std::size_t>(before) + 1];
            ++waits_[static_cast<std::size_t>(node)];
        }
        for (std::size_t n = 1; n < first_after_.size(); ++n) first_after_[n] += first_after_[n - 1];
        after_.resize(edges_.size());
        auto next = first_after_;
        for (auto const& [before, node] : edges_) after_[next[static_cast<std::size_t>(before)]++] = node;
    }

    std::int32_t rank_ = 0, first_ = 0;
    std::vector<step_node> nodes_;
    std::vector<std::pair<std::int32_t, std::int32_t>> edges_; ///< before, after
    std::vector<message_end> channels_;
    std::vector<std::int32_t> last_send_;                      ///< of the present rank, by lane
    std::vector<std::int32_t> receive_of_, send_of_;           ///< the latter of plain receives only
    std::vector<std::int32_t> after_, waits_;
    std::vector<std::size_t> first_after_;
    std::vector<std::int32_t> level_, order_;
};

} // namespace chorus::traffic
