#pragma once
/// Progress: does every rank come to its end, on the least that a transport has to offer?
///
/// The least is: one outstanding message per (peer, direction, lane), and sends that finish only when their receive is
/// posted (rendezvous). A send and a `recv` are posted when their predecessors are finished, a `recv_reduce` as soon as
/// it is the first of its channel; its fold waits for the predecessors (schedule/sink.hpp). Finishing a step never
/// disables another, so what is finished in the end does not depend on the order in which steps are tried: one run
/// decides for all. A transport that buffers, or has more messages under way, only adds possibilities.

#include <chorus/verify/explain.hpp>
#include <chorus/verify/program.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chorus::proof {

class progress {
public:
    /// Precondition: all messages are paired.
    explicit progress(program const& all) : all_(all), states_(all.steps().size()) {
        find_successors();
        order_.reserve(states_.size());
    }

    /// Runs as far as possible. Returns the steps in the order in which they finished: every step after its
    /// predecessors, every receive after its send (directly after it, if it is a `recv`).
    std::vector<std::int32_t> const& run() {
        for (std::int32_t s = 0; s < count(); ++s) {
            at(s).waits_for = static_cast<std::int32_t>(all_.predecessors(all_[s]).size());
            ready_.push_back(s);
        }
        for (std::size_t i = 0; i < ready_.size(); ++i) advance(ready_[i]);
        return order_;
    }

    /// After `run`: a cycle of steps that wait for each other, if not everything finished.
    std::optional<fault> deadlock() const {
        std::int32_t s = 0;
        while (s < count() && at(s).done) ++s;
        if (s == count()) return std::nullopt;
        std::vector<std::int32_t> path;
        while (std::find(path.begin(), path.end(), s) == path.end()) {
            path.push_back(s);
            s = awaited(s);
        }
        path.erase(path.begin(), std::find(path.begin(), path.end(), s));
        return explain(path);
    }

private:
    struct state {
        std::int32_t waits_for = 0; ///< predecessors that are not finished
        bool posted = false, matched = false, done = false;
    };

    std::int32_t count() const { return static_cast<std::int32_t>(states_.size()); }
    state& at(std::int32_t s) { return states_[static_cast<std::size_t>(s)]; }
    state const& at(std::int32_t s) const { return states_[static_cast<std::size_t>(s)]; }

    void find_successors() {
        first_successor_.assign(states_.size() + 1, 0);
        auto const for_each_edge = [&](auto visit) {
            for (std::int32_t s = 0; s < count(); ++s)
                for (auto const before : all_.predecessors(all_[s]))
                    visit(static_cast<std::size_t>(all_.first_step(all_[s].rank) + before), s);
        };
        for_each_edge([&](std::size_t before, std::int32_t) { ++first_successor_[before + 1]; });
        for (std::size_t i = 1; i < first_successor_.size(); ++i) first_successor_[i] += first_successor_[i - 1];
        successors_.resize(first_successor_.back());
        auto next = first_successor_;
        for_each_edge([&](std::size_t before, std::int32_t s) { successors_[next[before]++] = s; });
    }

    /// Does with the step whatever can be done now.
    void advance(std::int32_t s) {
        auto& now = at(s);
        if (now.done) return;
        auto const& step = *all_[s].text;
        if (!step.is_message()) {
            if (now.waits_for == 0) finish(s);
            return;
        }
        auto const channel_free = all_[s].previous < 0 || at(all_[s].previous).done;
        if (channel_free && (now.waits_for == 0 || step.kind == step_kind::recv_reduce)) now.posted = true;
        if (now.posted && !now.matched && at(all_[s].partner).posted)
            match(step.sends() ? s : all_[s].partner);
        else if (now.matched && now.waits_for == 0)
            finish(s); // the fold of a recv_reduce
    }
    void match(std::int32_t send) {
        auto const receive = all_[send].partner;
        at(send).matched = at(receive).matched = true;
        finish(send);
        if (at(receive).waits_for == 0) finish(receive);
    }
    void finish(std::int32_t s) {
        at(s).done = true;
        order_.push_back(s);
        if (all_[s].next >= 0) ready_.push_back(all_[s].next);
        auto const i = static_cast<std::size_t>(s);
        for (auto k = first_successor_[i]; k < first_successor_[i + 1]; ++k)
            if (--at(successors_[k]).waits_for == 0) ready_.push_back(successors_[k]);
    }

    /// A step that this unfinished one waits for: its channel, a predecessor, or the other end.
    std::int32_t awaited(std::int32_t s) const {
        auto const& step = all_[s];
        if (at(s).posted && !at(s).matched) return step.partner;
        if (step.previous >= 0 && !at(step.previous).done) return step.previous;
        for (auto const before : all_.predecessors(step)) {
            auto const number = all_.first_step(step.rank) + before;
            if (!at(number).done) return number;
        }
        return step.partner;
    }
    /// "rank 0 step 3 (send ...) waits for rank 1 to post step 2 (recv ...), which waits for ..., back to the first."
    fault explain(std::vector<std::int32_t> const& cycle) const {
        auto const words = [&](std::int32_t s) { return name_of_step(all_.of(all_[s]), all_[s].index); };
        auto const& first = all_[cycle[0]];
        auto text = "deadlock with sends that wait for their receives: " + name_of_rank(all_.of(first)) + ", " +
                    words(cycle[0]);
        for (std::size_t i = 0; i < cycle.size(); ++i) {
            auto const& from = all_[cycle[i]];
            auto const to = cycle[(i + 1) % cycle.size()];
            text += i == 0 ? ", waits for " : ", which waits for ";
            if (from.partner == to)
                text += "rank " + std::to_string(all_[to].rank) + " to post ";
            else
                text += "its own ";
            text += i + 1 == cycle.size() ? "step " + std::to_string(all_[to].index) + ": a cycle" : words(to);
        }
        return {first.rank, first.index, text};
    }

    program const& all_;
    std::vector<state> states_;
    std::vector<std::size_t> first_successor_;
    std::vector<std::int32_t> successors_;
    std::vector<std::int32_t> ready_; // a queue: steps that may have something to do
    std::vector<std::int32_t> order_;
};

} // namespace chorus::proof
