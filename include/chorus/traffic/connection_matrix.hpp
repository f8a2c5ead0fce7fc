#pragma once
/// Connection matrices of csg-htsim.

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
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus::traffic {

/// "Nodes N", then "Connections N", "Triggers N" (both are checked where they are given), then lines
///
///   S->D id I start T size BYTES [send_done_trigger J] [recv_done_trigger J] [prio P]    T picoseconds; 0 without it
///   S->D id I trigger J size BYTES ...                                                   when trigger J fires
///   trigger id J oneshot | barrier count C | multishot     after its flow; after C flows; one flow after each flow
///
/// A flow is done when its last byte has arrived, for either trigger. Flows that begin together, and whose ends matter
/// together, are one exchange. Throws usage_error with file and line for all that this cannot follow: a trigger that never
/// fires or whose order only a run can tell, failures of links, other words. Priorities make a warning.
class connection_matrix_reader {
public:
    connection_matrix_reader(std::string const& file, std::string const& text) : from_(file, text) {}

    imported run() {
        while (from_.next()) {
            auto const& first = from_.words[0];
            if (first.find("->") != std::string::npos) read_flow();
            else if (first == "trigger") read_trigger();
            else if (first == "Nodes") result_.ranks = static_cast<int>(header(detail::most_imported_ranks));
            else if (first == "Connections") connections_ = header(INT32_MAX);
            else if (first == "Triggers") triggers_expected_ = header(INT32_MAX);
            else if (first == "Failures" ? header(INT32_MAX) > 0 : first == "failure")
                from_.fail("failures of links belong to \"links\" in the file of jobs, with the fabric's own names");
            else if (first != "Failures") from_.fail("'" + first + "' is not known: Nodes, Connections, Triggers, Failures, trigger or SOURCE->DESTINATION was expected");
        }
        if (result_.ranks == 0) from_.fail("there is no line 'Nodes N'");
        expect("Connections", connections_, flows_.size());
        expect("Triggers", triggers_expected_, triggers_.size());
        resolve_triggers();
        add_exchanges();
        return std::move(result_);
    }

private:
    static constexpr std::int64_t unknown = -1;
    static constexpr std::int64_t most_id = UINT32_MAX;
    struct flow {
        message what;
        double start = 0; ///< picoseconds
        std::int64_t trigger = 0;
        std::set<std::int64_t> fires; ///< triggers
        std::set<std::size_t> after;  ///< flows
        int line = 0;
    };
    struct trigger {
        std::string kind;
        std::int64_t count = 0;
        int line = 0;
        std::vector<std::size_t> by, targets; ///< flows, in the order of the file
    };

    std::int64_t header(std::int64_t most) {
        from_.end_after(2);
        if (!headers_.insert(from_.words[0]).second) from_.fail("'" + from_.words[0] + "' is there twice");
        return from_.word(1, most, "the number after " + from_.words[0]);
    }
    void expect(std::string const& what, std::int64_t said, std::size_t found) const {
        if (said != unknown && said != static_cast<std::int64_t>(found))
            from_.fail(what + " are said to be " + std::to_string(said) + ", but there are " + std::to_string(found));
    }

    void read_flow() {
        if (result_.ranks == 0) from_.fail("a line 'Nodes N' should come first");
        auto const& words = from_.words;
        auto const arrow = words[0].find("->");
        auto const ends = std::string_view(words[0]);
        flow one;
        one.line = from_.line();
        one.what.source = static_cast<std::int32_t>(from_.number(ends.substr(0, arrow), std::int64_t{result_.ranks} - 1, "the source"));
        one.what.destination = static_cast<std::int32_t>(from_.number(ends.substr(arrow + 2), std::int64_t{result_.ranks} - 1, "the destination"));
        std::set<std::string> seen;
        for (std::size_t i = 1; i < words.size(); i += 2) {
            if (!seen.insert(words[i]).second) from_.fail("'" + words[i] + "' is there twice");
            read_word(one, words[i], i + 1);
        }
        if (seen.count("size") == 0) from_.fail("a flow should have its 'size BYTES'");
        if (seen.count("start") + seen.count("trigger") == 2) from_.fail("a flow has a 'start' or a 'trigger', not both");
        flows_.push_back(std::move(one));
    }
    void read_word(flow& to, std::string const& key, std::size_t at) {
        if (key == "start") to.start = from_.real(at, 1e18, "the start");
        else if (key == "size") to.what.bytes = static_cast<double>(from_.word(at, detail::most_imported_bytes, "the size"));
        else if (key == "id") {
            if (!ids_.insert(from_.word(at, most_id, "the id")).second) from_.fail("the id " + from_.words[at] + " is there twice");
        } else if (key == "trigger") to.trigger = trigger_id(at);
        else if (key == "send_done_trigger" || key == "recv_done_trigger") to.fires.insert(trigger_id(at));
        else if (key == "prio") {
            from_.word(at, most_id, "the priority");
            if (std::exchange(warned_, true)) return;
            result_.warnings.push_back(from_.place(from_.line()) + ": all flows share links alike here: 'prio' is passed over");
        } else from_.fail("'" + key + "' is not known: id, start, size, trigger, send_done_trigger, recv_done_trigger or prio was expected");
    }
    std::int64_t trigger_id(std::size_t at) const {
        auto const id = from_.word(at, most_id, "the trigger");
        if (id == 0) from_.fail("a trigger's id should be 1 or more");
        return id;
    }

    void read_trigger() {
        trigger one;
        one.line = from_.line();
        std::int64_t id = 0;
        auto const& words = from_.words;
        std::set<std::string> seen;
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (!seen.insert(words[i]).second) from_.fail("'" + words[i] + "' is there twice");
            if (words[i] == "id") id = trigger_id(++i);
            else if (words[i] == "count") one.count = from_.word(++i, most_id, "the count");
            else if ((words[i] == "oneshot" || words[i] == "multishot" || words[i] == "barrier") && one.kind.empty()) one.kind = words[i];
            else from_.fail("'" + words[i] + "' is not known: id, count and one of oneshot, multishot, barrier were expected");
        }
        if (id == 0 || one.kind.empty()) from_.fail("a trigger should have its 'id', and be oneshot, multishot or barrier");
        if (seen.count("count") != (one.kind == "barrier" ? 1U : 0U)) from_.fail("a barrier has a 'count', other triggers have none");
        if (!triggers_.try_emplace(id, std::move(one)).second) from_.fail("trigger " + std::to_string(id) + " is there twice");
    }
    trigger& named(std::int64_t id, flow const& by) {
        auto const found = triggers_.find(id);
        if (found == triggers_.end()) from_.fail(by.line, "there is no line 'trigger id " + std::to_string(id) + " ...'");
        return found->second;
    }

    /// What a trigger says, as flows that wait for flows.
    void resolve_triggers() {
        for (std::size_t f = 0; f < flows_.size(); ++f) {
            if (flows_[f].trigger != 0) named(flows_[f].trigger, flows_[f]).targets.push_back(f);
            for (auto const id : flows_[f].fires) named(id, flows_[f]).by.push_back(f);
        }
        for (auto& [id, each] : triggers_) {
            auto const what = "trigger " + std::to_string(id);
            auto const needed = each.kind == "barrier" ? static_cast<std::size_t>(each.count) : std::size_t{1};
            if (each.by.empty()) from_.fail(each.line, what + " never fires: no flow has it as its send_done_trigger or recv_done_trigger");
            if (each.kind == "multishot") chain(each, what);
            else if (each.by.size() != needed)
                from_.fail(each.line, what + " waits for " + std::to_string(needed) + " flows, but " + std::to_string(each.by.size()) + " have it");
            else
                for (auto const target : each.targets) flows_[target].after.insert(each.by.begin(), each.by.end());
        }
    }
    /// One flow after the other: the order is known where a single flow begins and all others are its targets.
    void chain(trigger const& of, std::string const& what) {
        std::vector<std::size_t> beginners;
        for (auto const f : of.by)
            if (std::find(of.targets.begin(), of.targets.end(), f) == of.targets.end()) beginners.push_back(f);
        if (beginners.size() != 1) from_.fail(of.line, what + ": which of " + std::to_string(beginners.size()) + " flows that run at once ends first, only a run can say");
        auto last = beginners[0];
        for (auto const target : of.targets) {
            if (std::find(of.by.begin(), of.by.end(), last) == of.by.end()) from_.fail(flows_[target].line, "this flow never begins: " + what + " does not fire any more");
            flows_[target].after.insert(last);
            last = target;
        }
    }

    void add_exchanges() {
        using together = std::tuple<std::set<std::size_t>, double, std::set<std::int64_t>>;
        std::map<together, std::vector<std::size_t>> groups;
        for (std::size_t f = 0; f < flows_.size(); ++f) groups[{flows_[f].after, flows_[f].start, flows_[f].fires}].push_back(f);
        std::vector<std::vector<std::size_t> const*> open;
        for (auto const& [key, members] : groups) open.push_back(&members);
        std::sort(open.begin(), open.end(), [&](auto* a, auto* b) { return std::pair(flows_[a->front()].start, a->front()) < std::pair(flows_[b->front()].start, b->front()); });
        done_.assign(flows_.size(), none);
        for (auto left = open.size() + 1; !open.empty() && open.size() < left;) {
            left = open.size();
            std::erase_if(open, [&](auto* members) { return add_exchange(*members); });
        }
        if (!open.empty()) from_.fail(flows_[open.front()->front()].line, "this flow never begins: its trigger waits for itself");
    }
    /// False while something that it waits for is not there yet.
    bool add_exchange(std::vector<std::size_t> const& members) {
        auto const& first = flows_[members[0]];
        if (std::any_of(first.after.begin(), first.after.end(), [&](std::size_t f) { return done_[f] == none; })) return false;
        activity one;
        std::set<std::uint32_t> after;
        for (auto const f : first.after) after.insert(done_[f]);
        if (first.start > 0) {
            activity wait;
            wait.name = wait.kind = "wait";
            wait.seconds = 1e-12 * first.start;
            after.insert(add(std::move(wait)));
        }
        one.after.assign(after.begin(), after.end());
        std::vector<message> messages;
        for (auto const f : members) messages.push_back(flows_[f].what);
        one.name = strands_ == 0 ? "messages" : "messages " + std::to_string(strands_ + 1);
        one.kind = "collective";
        one.strand = strands_++;
        one.phases = std::make_shared<std::vector<phase> const>(std::vector{phase::listed(result_.ranks, std::move(messages))});
        auto const here = add(std::move(one));
        for (auto const f : members) done_[f] = here;
        return true;
    }
    std::uint32_t add(activity one) {
        result_.activities.push_back(std::move(one));
        return static_cast<std::uint32_t>(result_.activities.size() - 1);
    }

    static constexpr std::uint32_t none = UINT32_MAX;
    detail::line_reader from_;
    imported result_;
    std::int64_t connections_ = unknown, triggers_expected_ = unknown;
    bool warned_ = false;
    std::set<std::string> headers_;
    std::set<std::int64_t> ids_;
    std::vector<flow> flows_;
    std::map<std::int64_t, trigger> triggers_;
    std::vector<std::uint32_t> done_; ///< by flow: its activity
    std::uint32_t strands_ = 0;
};

} // namespace chorus::traffic
