#pragma once
/// Which send belongs to which receive, and in which round of a drawing every step of a collective happens.

#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus::print {

/// A message: its two steps, by rank and number. A step that has no partner (a faulty schedule) makes a message with
/// -1 in its place.
struct message {
    std::int32_t from = -1;
    std::int32_t send = -1;
    std::int32_t to = -1;
    std::int32_t recv = -1;
    std::uint8_t lane = 0;
    std::int32_t earlier = -1; ///< number of the message before it between the same ranks on the same lane

    bool matched() const { return send >= 0 && recv >= 0; }
};

/// All messages of a collective, by sender and step; receives without a send are last. `ranks[r]` is rank r's schedule.
inline std::vector<message> match_messages(std::span<schedule const> ranks) {
    std::vector<message> all;
    std::map<std::tuple<int, int, int>, std::vector<std::int32_t>> waiting; // sends that no receive has taken yet
    std::map<std::tuple<int, int, int>, std::size_t> taken;
    auto const count = static_cast<std::int32_t>(ranks.size());
    auto const step_count = [&](std::int32_t r) {
        return static_cast<std::int32_t>(ranks[std::size_t(r)].steps.size());
    };
    auto const step_at = [&](std::int32_t r, std::int32_t i) -> step const& {
        return ranks[std::size_t(r)].steps[std::size_t(i)];
    };
    for (std::int32_t r = 0; r < count; ++r)
        for (std::int32_t i = 0; i < step_count(r); ++i) {
            auto const& s = step_at(r, i);
            if (!s.sends()) continue;
            auto& channel = waiting[{r, s.peer, s.lane}];
            auto const earlier = channel.empty() ? -1 : channel.back();
            channel.push_back(static_cast<std::int32_t>(all.size()));
            all.push_back({r, i, s.peer, -1, s.lane, earlier});
        }
    for (std::int32_t r = 0; r < count; ++r)
        for (std::int32_t i = 0; i < step_count(r); ++i) {
            auto const& s = step_at(r, i);
            if (!s.receives()) continue;
            auto const key = std::tuple<int, int, int>{s.peer, r, s.lane};
            auto const& channel = waiting[key];
            auto const k = taken[key]++;
            if (k < channel.size())
                all[std::size_t(channel[k])].recv = i;
            else
                all.push_back({s.peer, -1, r, i, s.lane, -1});
        }
    return all;
}

/// How many messages a rank sends, and how many it receives, in one round and lane of a drawing.
enum class ports {
    one, ///< as the usual cost model has it: one out, one in
    any, ///< as many as do not wait for each other
};

inline constexpr int never = -1;

/// When things happen. Round t lasts from time t to time t + 1.
struct timeline {
    std::vector<message> messages;
    std::vector<int> round;             ///< by message; `never` if it is not matched or waits for ever
    std::vector<std::vector<int>> done; ///< by rank and step: the time at which it is done, or `never`
    int rounds = 0;
};

namespace detail {

/// Lets every message go in the earliest round that its dependencies and its ranks' ports allow.
class round_clock {
public:
    round_clock(std::span<schedule const> ranks, ports limit) : ranks_(ranks), limit_(limit) {
        line_.messages = match_messages(ranks);
        line_.round.assign(line_.messages.size(), never);
        for (auto const& each : ranks) {
            line_.done.emplace_back(each.steps.size(), never);
            arrived_.emplace_back(each.steps.size(), false);
        }
        for (std::size_t m = 0; m < line_.messages.size(); ++m)
            if (line_.messages[m].matched()) pending_.push_back(m);
        std::stable_sort(pending_.begin(), pending_.end(), [&](auto a, auto b) { return order(a) < order(b); });
    }

    timeline run() && {
        settle();
        while (play_round()) {
            ++line_.rounds;
            settle();
        }
        return std::move(line_);
    }

private:
    using port = std::pair<std::int32_t, std::uint8_t>; // rank and lane

    /// Who goes first where two want the same port: as the senders posted them.
    std::pair<int, int> order(std::size_t m) const {
        auto const& each = line_.messages[m];
        return {each.send, each.recv};
    }
    int& done(std::int32_t rank, std::int32_t step) { return line_.done[std::size_t(rank)][std::size_t(step)]; }

    /// Everything that the step waits for is done at `time`.
    bool ready(std::int32_t rank, std::int32_t step, int time) {
        for (auto const before : ranks_[std::size_t(rank)].predecessors[std::size_t(step)])
            if (done(rank, before) == never || done(rank, before) > time) return false;
        return true;
    }

    /// Copies and folds take no time of their own. A message that is to be folded in arrives at once, whatever its
    /// slice is busy with, and only the fold waits.
    void settle() {
        for (std::size_t r = 0; r < ranks_.size(); ++r)
            for (std::size_t i = 0; i < ranks_[r].steps.size(); ++i) {
                auto const& s = ranks_[r].steps[i];
                auto const waits = s.kind == step_kind::recv_reduce ? arrived_[r][i] : !s.is_message();
                if (!waits || line_.done[r][i] != never) continue;
                if (ready(std::int32_t(r), std::int32_t(i), line_.rounds)) line_.done[r][i] = line_.rounds;
            }
    }

    /// False if no message can move any more.
    bool play_round() {
        std::set<port> out, in;
        auto const go = [&](std::size_t m) {
            auto const& each = line_.messages[m];
            if (!may_go(each, out, in)) return false;
            line_.round[m] = line_.rounds;
            done(each.from, each.send) = line_.rounds + 1;
            if (folds(each))
                arrived_[std::size_t(each.to)][std::size_t(each.recv)] = true;
            else
                done(each.to, each.recv) = line_.rounds + 1;
            out.insert({each.from, each.lane});
            in.insert({each.to, each.lane});
            return true;
        };
        return std::erase_if(pending_, go) > 0;
    }

    bool folds(message const& m) const {
        return ranks_[std::size_t(m.to)].steps[std::size_t(m.recv)].kind == step_kind::recv_reduce;
    }
    bool may_go(message const& m, std::set<port> const& out, std::set<port> const& in) {
        auto const now = line_.rounds;
        if (m.earlier >= 0) {
            auto const before = line_.round[std::size_t(m.earlier)];
            if (before == never || before == now) return false;
        }
        if (limit_ == ports::one && (out.contains({m.from, m.lane}) || in.contains({m.to, m.lane}))) return false;
        return ready(m.from, m.send, now) && (folds(m) || ready(m.to, m.recv, now));
    }

    std::span<schedule const> ranks_;
    ports limit_;
    timeline line_;
    std::vector<std::size_t> pending_;
    std::vector<std::vector<bool>> arrived_; // by rank and step, for steps that fold
};

} // namespace detail

/// The rounds of a collective. Steps that can never happen (no partner, a cycle of waits) are left at `never`.
inline timeline rounds_of(std::span<schedule const> ranks, ports limit = ports::one) {
    return detail::round_clock(ranks, limit).run();
}

/// What the schedules cost, most by one rank: figures for the title of a drawing.
struct tally {
    bool finishes = true; ///< false: some step can never happen
    int rounds = 0;
    int chain = 0; ///< messages on the longest chain of messages that wait for each other: rounds with any ports
    int messages = 0;
    double sent = 0; ///< in vectors or blocks
    double folded = 0;
};

inline tally tally_of(std::span<schedule const> ranks, ports limit = ports::one) {
    auto const length = [](slice_list const& data) {
        auto const value = [](position const& at) { return at.block + double(at.numerator) / at.denominator; };
        double sum = 0;
        for (auto const& each : data) sum += value(each.end) - value(each.begin);
        return sum;
    };
    tally most;
    auto const time = rounds_of(ranks, limit);
    most.rounds = time.rounds;
    most.chain = limit == ports::any ? time.rounds : rounds_of(ranks, ports::any).rounds;
    for (auto const& each : time.done)
        most.finishes = most.finishes && std::find(each.begin(), each.end(), never) == each.end();
    for (auto const& each : ranks) {
        tally mine;
        for (auto const& s : each.steps) {
            if (s.sends()) ++mine.messages, mine.sent += length(s.source);
            if (s.kind == step_kind::recv_reduce || s.kind == step_kind::reduce) mine.folded += length(s.target);
        }
        most.messages = std::max(most.messages, mine.messages);
        most.sent = std::max(most.sent, mine.sent);
        most.folded = std::max(most.folded, mine.folded);
    }
    return most;
}

} // namespace chorus::print
