#pragma once
/// Traffic of other simulators: connection matrices of htsim, schedules in GOAL.

#include <chorus/core/errors.hpp>
#include <chorus/network/file.hpp>
#include <chorus/traffic/levels.hpp>
#include <chorus/traffic/phase.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace chorus::traffic {

struct imported {
    int ranks = 0;
    std::vector<phase> phases;
    std::vector<double> compute; ///< seconds of computation before each phase, and after the last; empty: none
};

namespace detail {

inline constexpr std::int64_t most_imported_ranks = 1 << 21;

/// The words of a text, line by line.
class line_reader {
public:
    line_reader(std::string file, std::string const& text) : file_(std::move(file)), text_(text) {}

    /// The next line that has words; false at the end.
    bool next() {
        std::string all;
        words.clear();
        while (words.empty() && std::getline(text_, all)) {
            ++line_;
            all.resize(std::min(all.find("//"), all.size()));
            all.resize(std::min(all.find('#'), all.size()));
            std::istringstream parts(all);
            for (std::string word; parts >> word;) words.push_back(word);
        }
        return !words.empty();
    }
    [[noreturn]] void fail(std::string const& expected) const { throw usage_error("chorus: " + file_ + ":" + std::to_string(line_) + ": " + expected); }
    std::int64_t number(std::string_view text, std::int64_t most, std::string const& what) const {
        std::int64_t value = -1;
        auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (problem != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
            fail(what + " should be a number from 0 to " + std::to_string(most) + ", not '" + std::string(text) + "'");
        return value;
    }
    std::int64_t word(std::size_t i, std::int64_t most, std::string const& what) const {
        if (i >= words.size()) fail(what + " is missing");
        return number(words[i], most, what);
    }

    std::string const& file() const { return file_; }

    std::vector<std::string> words;

private:
    std::string file_;
    std::istringstream text_;
    int line_ = 0;
};

} // namespace detail

/// csg-htsim's connection matrix: "Nodes N", "Connections M", then lines "S->D ... start T ... size BYTES ...". Flows of
/// equal start are one phase; phases follow each other in the order of their starts, without gaps. Triggers and other
/// words are passed over. Throws usage_error with file and line.
inline imported parse_connection_matrix(std::string const& file, std::string const& text) {
    detail::line_reader from(file, text);
    imported result;
    std::map<std::int64_t, std::vector<message>> by_start;
    while (from.next()) {
        auto const& words = from.words;
        auto const arrow = words[0].find("->");
        if (words[0] == "Nodes") result.ranks = static_cast<int>(from.word(1, detail::most_imported_ranks, "the number of nodes"));
        if (arrow == std::string::npos) continue;
        if (result.ranks == 0) from.fail("a line 'Nodes N' should come first");
        message one;
        std::int64_t start = 0, bytes = -1;
        one.source = static_cast<std::int32_t>(from.number(std::string_view(words[0]).substr(0, arrow), result.ranks - 1, "the source"));
        one.destination = static_cast<std::int32_t>(from.number(std::string_view(words[0]).substr(arrow + 2), result.ranks - 1, "the destination"));
        for (std::size_t i = 1; i + 1 < words.size(); ++i) {
            if (words[i] == "start") start = from.word(i + 1, INT64_MAX, "the start");
            if (words[i] == "size") bytes = from.word(i + 1, std::int64_t{1} << 50, "the size");
        }
        if (bytes < 0) from.fail("a flow should have its 'size BYTES'");
        one.bytes = static_cast<double>(bytes);
        by_start[start].push_back(one);
    }
    if (result.ranks == 0) from.fail("there is no line 'Nodes N'");
    for (auto& [start, messages] : by_start) result.phases.push_back(phase::listed(result.ranks, std::move(messages)));
    return result;
}

/// GOAL as text: "num_ranks N", and for each rank "rank R {", lines "l1: send 64b to 3 tag 0", "l2: recv 64b from 3 tag 0",
/// "l3: calc 100", "l2 requires l1" (or irequires), "}". Phases are those of levels.hpp, without an order among sends that
/// do not wait for each other. "calc N" computes for N nanoseconds: a phase begins when the longest computation since the
/// phase before is through. Throws usage_error with file and line.
class goal_reader {
public:
    goal_reader(std::string const& file, std::string const& text) : from_(file, text) {}

    imported run() {
        if (!from_.next() || from_.words[0] != "num_ranks") from_.fail("GOAL should begin with 'num_ranks N'");
        result_.ranks = static_cast<int>(from_.word(1, detail::most_imported_ranks, "the number of ranks"));
        ranks_.resize(static_cast<std::size_t>(result_.ranks));
        while (from_.next()) {
            if (from_.words[0] != "rank") from_.fail("'rank R {' was expected");
            read_rank(ranks_.at(static_cast<std::size_t>(from_.word(1, result_.ranks - 1, "the rank"))));
        }
        level_graph graph;
        for (auto const& each : ranks_) {
            for (std::size_t i = 0; i < each.steps.size(); ++i) {
                auto const& [kind, peer, tag, bytes, seconds] = each.steps[i];
                graph.add(kind, peer, tag, bytes, each.before[i], seconds);
            }
            graph.end_rank();
        }
        for (auto& messages : told_with_place(from_.file(), [&] { return graph.levels(); }))
            if (!messages.empty()) result_.phases.push_back(phase::listed(result_.ranks, std::move(messages)));
        auto const& gaps = graph.gaps();
        if (std::any_of(gaps.begin(), gaps.end(), [](double each) { return each > 0; })) result_.compute = gaps;
        return std::move(result_);
    }

private:
    struct rank_steps {
        std::vector<std::tuple<step_kind, std::int32_t, std::int32_t, double, double>> steps;
        std::vector<std::vector<std::int32_t>> before;
        std::map<std::string, std::int32_t> labels;
    };

    void read_rank(rank_steps& to) {
        std::vector<std::pair<std::string, std::string>> requires_;
        while (true) {
            if (!from_.next()) from_.fail("'}' is missing");
            auto const& w = from_.words;
            if (w[0] == "}") break;
            if (w.size() == 3 && (w[1] == "requires" || w[1] == "irequires")) requires_.emplace_back(w[0], w[2]);
            else read_step(to);
        }
        for (auto const& [after, before] : requires_) {
            auto const a = to.labels.find(after), b = to.labels.find(before);
            if (a == to.labels.end() || b == to.labels.end()) from_.fail("'" + after + " requires " + before + "' above names a label that the rank does not have");
            to.before[static_cast<std::size_t>(a->second)].push_back(b->second);
        }
    }
    void read_step(rank_steps& to) {
        auto const& w = from_.words;
        std::size_t at = 0;
        if (w[0].back() == ':') to.labels[w[at++].substr(0, w[0].size() - 1)] = static_cast<std::int32_t>(to.steps.size());
        auto const kind = at < w.size() ? w[at] : "";
        to.before.emplace_back();
        if (kind == "calc") {
            auto const nanoseconds = from_.word(at + 1, std::int64_t{1} << 50, "the time");
            return void(to.steps.emplace_back(step_kind::copy, -1, 0, 0.0, 1e-9 * static_cast<double>(nanoseconds)));
        }
        if ((kind != "send" && kind != "recv") || w.size() < at + 4 || w[at + 2] != (kind == "send" ? "to" : "from"))
            from_.fail("'send BYTESb to R', 'recv BYTESb from R', 'calc T' or 'LABEL requires LABEL' was expected");
        auto size = w[at + 1];
        if (size.back() == 'b') size.pop_back();
        auto const bytes = from_.number(size, std::int64_t{1} << 50, "the size");
        auto const peer = from_.word(at + 3, result_.ranks - 1, "the peer");
        auto const tag = w.size() > at + 5 && w[at + 4] == "tag" ? from_.word(at + 5, INT32_MAX, "the tag") : 0;
        to.steps.emplace_back(kind == "send" ? step_kind::send : step_kind::recv, static_cast<std::int32_t>(peer), static_cast<std::int32_t>(tag), static_cast<double>(bytes), 0.0);
    }

    detail::line_reader from_;
    imported result_;
    std::vector<rank_steps> ranks_;
};

/// By the end of the file's name: .cm, or .goal.
inline imported import_traffic(std::string const& file) {
    auto const text = read_text(file);
    if (file.ends_with(".cm")) return parse_connection_matrix(file, text);
    if (file.ends_with(".goal")) return goal_reader(file, text).run();
    throw usage_error("chorus: " + file + ": its name should end in .cm (htsim) or .goal");
}

} // namespace chorus::traffic
