#pragma once
/// Schedules in GOAL, the format of LogGOPSim.

#include <chorus/core/errors.hpp>
#include <chorus/network/file.hpp>
#include <chorus/traffic/levels.hpp>
#include <chorus/traffic/lines.hpp>
#include <chorus/traffic/phase.hpp>
#include <chorus/traffic/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus::traffic {

namespace detail {

/// A step of a rank in GOAL.
struct goal_step {
    step_kind kind = step_kind::copy; ///< send, recv, or copy: a computation
    std::int32_t peer = -1, tag = 0;
    std::int64_t bytes = 0, nanoseconds = 0, cpu = 0;
    std::vector<std::int32_t> before; ///< numbers within the rank
};

/// From steps to activities. Messages of one level that wait for equally much computation are one exchange. A processor
/// computes one thing after the other, in the order of levels. What waits for the same and takes the same time is one
/// activity, whoever does it. O((steps + dependencies) log steps).
class goal_activities {
public:
    /// `graph` holds the steps of all ranks, in order; its levels are known.
    goal_activities(level_graph const& graph, std::vector<std::vector<goal_step>> const& ranks, int count) : ranks_(count) {
        for (std::size_t rank = 0; rank < ranks.size(); ++rank)
            for (auto const& each : ranks[rank]) steps_.push_back({&each, static_cast<std::int32_t>(rank), graph.level(static_cast<std::int32_t>(steps_.size())), 0, none, {}});
        order_ = graph.order();
        std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return key(a) < key(b); });
        for (auto const n : order_) graph.visit_after(n, [&](std::int32_t next) { at(next).before.push_back(n); });
        share_processors();
    }

    std::vector<activity> run() {
        for (std::size_t i = 0; i < order_.size();) {
            auto const& first = at(order_[i]);
            if (first.what->kind != step_kind::send) {
                local(at(order_[i++]));
                continue;
            }
            std::map<std::int64_t, std::vector<std::int32_t>> sends; // of this level, by the computation before them
            for (auto const level = first.level; i < order_.size() && is_send_of(order_[i], level); ++i) {
                at(order_[i]).computed = computed_before(at(order_[i]));
                sends[at(order_[i]).computed].push_back(order_[i]);
            }
            for (auto const& [computed, numbers] : sends) exchange_of(numbers, computed);
        }
        return std::move(all_);
    }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    struct node {
        goal_step const* what;
        std::int32_t rank, level;
        std::int64_t computed;  ///< nanoseconds on the longest way here
        std::uint32_t activity; ///< after which it is done; none: at once
        std::vector<std::int32_t> before;
    };

    node& at(std::int32_t number) { return steps_[static_cast<std::size_t>(number)]; }
    /// Sends come first in their level: the rest of it may wait for them.
    std::pair<std::int32_t, bool> key(std::int32_t number) { return {at(number).level, at(number).what->kind != step_kind::send}; }
    bool is_send_of(std::int32_t number, std::int32_t level) { return at(number).level == level && at(number).what->kind == step_kind::send; }

    void share_processors() {
        std::map<std::pair<std::int32_t, std::int64_t>, std::int32_t> last;
        for (auto const n : order_) {
            if (at(n).what->nanoseconds == 0) continue;
            auto const [found, first] = last.try_emplace({at(n).rank, at(n).what->cpu}, n);
            if (!first) at(n).before.push_back(std::exchange(found->second, n));
        }
    }
    std::int64_t computed_before(node const& of) {
        std::int64_t most = 0;
        for (auto const b : of.before) most = std::max(most, at(b).computed);
        return most;
    }
    void add_activities_before(node const& of, std::set<std::uint32_t>& to) {
        for (auto const b : of.before)
            if (at(b).activity != none) to.insert(at(b).activity);
    }

    /// A computation, or what is done when all that it waits for is.
    void local(node& of) {
        std::set<std::uint32_t> before;
        add_activities_before(of, before);
        of.computed = computed_before(of) + of.what->nanoseconds;
        if (of.what->nanoseconds == 0 && before.size() < 2) {
            of.activity = before.empty() ? none : *before.begin();
            return;
        }
        auto const [found, fresh] = locals_.try_emplace({of.what->nanoseconds, before}, static_cast<std::uint32_t>(all_.size()));
        of.activity = found->second;
        if (!fresh) return;
        auto& one = all_.emplace_back();
        one.name = one.kind = of.what->nanoseconds > 0 ? "compute" : "wait";
        one.seconds = 1e-9 * static_cast<double>(of.what->nanoseconds);
        one.after.assign(before.begin(), before.end());
    }
    void exchange_of(std::vector<std::int32_t> const& sends, std::int64_t computed) {
        std::set<std::uint32_t> before;
        std::vector<message> messages;
        auto const here = static_cast<std::uint32_t>(all_.size());
        for (auto const n : sends) {
            add_activities_before(at(n), before);
            messages.push_back({at(n).rank, at(n).what->peer, static_cast<double>(at(n).what->bytes)});
            at(n).activity = here;
        }
        auto& one = all_.emplace_back();
        one.name = "messages " + std::to_string(at(sends[0]).level + 1);
        one.kind = "collective";
        one.strand = strands_.try_emplace(computed, static_cast<std::uint32_t>(strands_.size())).first->second;
        one.after.assign(before.begin(), before.end());
        one.phases = std::make_shared<std::vector<phase> const>(std::vector{phase::listed(ranks_, std::move(messages))});
    }

    int ranks_;
    std::vector<node> steps_;
    std::vector<std::int32_t> order_;
    std::vector<activity> all_;
    std::map<std::pair<std::int64_t, std::set<std::uint32_t>>, std::uint32_t> locals_;
    std::map<std::int64_t, std::uint32_t> strands_;
};

} // namespace detail

/// GOAL as text: "num_ranks N", and for each rank "rank R {", lines "l1: send 64b to 3 tag 0", "l2: recv 64b from 3 tag 0",
/// "l3: calc 100 cpu 0", "l2 requires l1" (its end) or "l2 irequires l1" (its beginning), "}". Messages are in the levels of
/// levels.hpp, without an order among sends that do not wait for each other; "calc N" takes N nanoseconds of a processor,
/// beside all that does not wait for it. Throws usage_error with file and line, also for what is matched at run time only
/// (from -1, tag -1).
class goal_reader {
public:
    goal_reader(std::string const& file, std::string const& text) : from_(file, text), file_(file) {}

    imported run() {
        if (!from_.next() || from_.words[0] != "num_ranks") from_.fail("GOAL should begin with 'num_ranks N'");
        count_ = static_cast<int>(from_.word(1, detail::most_imported_ranks, "the number of ranks"));
        from_.end_after(2);
        ranks_.resize(static_cast<std::size_t>(count_));
        std::set<std::int64_t> seen;
        while (from_.next()) {
            if (from_.words[0] != "rank" || from_.words.back() != "{") from_.fail("'rank R {' was expected");
            auto const rank = from_.word(1, std::int64_t{count_} - 1, "the rank");
            from_.end_after(3);
            if (!seen.insert(rank).second) from_.fail("rank " + std::to_string(rank) + " is there twice");
            read_rank(ranks_[static_cast<std::size_t>(rank)]);
        }
        level_graph graph;
        for (auto const& each : ranks_) {
            for (auto const& one : each) graph.add(one.kind, one.peer, one.tag, static_cast<double>(one.bytes), one.before);
            graph.end_rank();
        }
        told_with_place(file_, [&] { return graph.levels(); });
        return {count_, detail::goal_activities(graph, ranks_, count_).run(), {}};
    }

private:
    using steps = std::vector<detail::goal_step>;
    struct dependency {
        std::string after, before;
        bool on_start;
        int line;
    };

    void read_rank(steps& to) {
        labels_.clear();
        std::vector<dependency> all;
        while (true) {
            if (!from_.next()) from_.fail("'}' is missing");
            auto const& w = from_.words;
            if (w[0] == "}") break;
            if (w.size() > 2 && (w[1] == "requires" || w[1] == "irequires")) {
                from_.end_after(3);
                all.push_back({w[0], w[2], w[1] == "irequires", from_.line()});
            } else {
                read_step(to);
            }
        }
        from_.end_after(1);
        link(to, all);
    }
    /// What waits for the beginning of a step waits for a step of no work before it.
    void link(steps& to, std::vector<dependency> const& all) {
        std::map<std::int32_t, std::int32_t> beginning;
        for (auto const& each : all)
            if (auto const b = labelled(each, each.before); each.on_start && beginning.try_emplace(b, static_cast<std::int32_t>(to.size())).second) {
                to.emplace_back();
                to[static_cast<std::size_t>(b)].before.push_back(static_cast<std::int32_t>(to.size()) - 1);
            }
        for (auto const& each : all) {
            auto const a = labelled(each, each.after), b = labelled(each, each.before);
            auto const start = beginning.find(a);
            auto& waits = to[static_cast<std::size_t>(start == beginning.end() ? a : start->second)].before;
            waits.push_back(each.on_start ? beginning.at(b) : b);
        }
    }
    std::int32_t labelled(dependency const& in, std::string const& label) const {
        auto const found = labels_.find(label);
        if (found == labels_.end()) from_.fail(in.line, "the rank has no label '" + label + "'");
        return found->second;
    }

    void read_step(steps& to) {
        auto const& w = from_.words;
        std::size_t at = 0;
        if (w[0].back() == ':') {
            auto const label = w[at++].substr(0, w[0].size() - 1);
            if (!labels_.try_emplace(label, static_cast<std::int32_t>(to.size())).second) from_.fail("the label '" + label + "' is there twice");
        }
        auto& one = to.emplace_back();
        auto const kind = at < w.size() ? w[at] : "";
        if (kind == "calc") {
            one.nanoseconds = from_.word(at + 1, std::int64_t{1} << 50, "the time");
            return read_options(one, at + 2);
        }
        if ((kind != "send" && kind != "recv") || w.size() < at + 4 || w[at + 2] != (kind == "send" ? "to" : "from"))
            from_.fail("'send BYTESb to R', 'recv BYTESb from R', 'calc T', 'LABEL requires LABEL' or 'LABEL irequires LABEL' was expected");
        auto size = w[at + 1];
        if (size.back() == 'b') size.pop_back();
        one.kind = kind == "send" ? step_kind::send : step_kind::recv;
        one.bytes = from_.number(size, detail::most_imported_bytes, "the size");
        one.peer = static_cast<std::int32_t>(matched(at + 3, std::int64_t{count_} - 1, "the peer"));
        read_options(one, at + 4);
    }
    /// tag T, cpu C, nic 0.
    void read_options(detail::goal_step& to, std::size_t at) {
        std::set<std::string> seen;
        for (; at < from_.words.size(); at += 2) {
            auto const& key = from_.words[at];
            auto const tag = key == "tag" && to.kind != step_kind::copy;
            if (!tag && key != "cpu" && key != "nic") from_.end_after(at);
            if (!seen.insert(key).second) from_.fail("'" + key + "' is there twice");
            if (tag) to.tag = static_cast<std::int32_t>(static_cast<std::uint32_t>(matched(at + 1, UINT32_MAX, "the tag")));
            else if (key == "cpu") to.cpu = from_.word(at + 1, INT32_MAX, "the processor");
            else from_.word(at + 1, 0, "the NIC (a rank has one here)");
        }
    }
    std::int64_t matched(std::size_t at, std::int64_t most, std::string const& what) const {
        if (at < from_.words.size() && from_.words[at] == "-1") from_.fail(what + " -1 takes what comes first: which message that is, only a run can say; name it");
        return from_.word(at, most, what);
    }

    detail::line_reader from_;
    std::string file_;
    int count_ = 0;
    std::vector<steps> ranks_;
    std::map<std::string, std::int32_t> labels_; ///< of the present rank
};

} // namespace chorus::traffic
