#pragma once
/// Schedules as a table: for each rank what it does, with whom, and what each step waits for.

#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace chorus::print {

namespace detail {

using table_row = std::vector<std::string>;

inline std::string join(std::vector<std::int32_t> const& numbers) {
    std::string text;
    for (auto const each : numbers) text += (text.empty() ? "" : ", ") + std::to_string(each);
    return text.empty() ? "-" : text;
}

/// What a step works on, with the operands of a fold in their order.
inline std::string operands(schedule const& of, step const& s) {
    auto const target = describe(of, s.target), source = describe(of, s.source);
    auto const left = s.received == side::left;
    switch (s.kind) {
    case step_kind::send:
        return source;
    case step_kind::recv:
    case step_kind::finish:
        return target;
    case step_kind::copy:
        return target + " = " + source;
    case step_kind::recv_reduce:
        return target + " = " + (left ? "received op " + source : source + " op received");
    case step_kind::reduce:
        return target + " = " + (left ? source + " op " + target : target + " op " + source);
    }
    return {};
}

inline table_row cells_of(schedule const& of, std::size_t i, bool lanes) {
    auto const& s = of.steps[i];
    table_row row{std::to_string(i), std::string(name(s.kind)), ""};
    if (s.is_message()) row[2] = (s.sends() ? "to " : "from ") + std::to_string(s.peer);
    if (lanes) row.push_back(s.is_message() ? std::to_string(s.lane) : "");
    if (of.segments > 1) row.push_back(std::to_string(s.index) + "." + std::to_string(s.segment));
    row.push_back(operands(of, s));
    row.push_back(join(of.predecessors[i]));
    return row;
}

inline std::string aligned(std::vector<table_row> const& rows) {
    std::vector<int> widths(rows[0].size(), 0);
    for (auto const& row : rows)
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], shown_width(row[c]));
    std::string text;
    for (auto const& row : rows) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            auto const padding = std::string(static_cast<std::size_t>(widths[c] - shown_width(row[c])), ' ');
            line += "  " + (c == 0 ? padding + row[c] : row[c] + padding); // numbers to the right, words to the left
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

} // namespace detail

/// One section per rank. Columns: number of the step, kind, peer, lane (if there are several), step of the algorithm
/// and segment (if messages are cut), what it works on, and the numbers of the steps that it waits for.
/// `ranks[r]` is rank r's schedule; a usage_error otherwise.
inline std::string table(std::span<schedule const> ranks) {
    check_ranks(ranks);
    auto lanes = false;
    for (auto const& each : ranks)
        for (auto const& s : each.steps) lanes = lanes || s.lane != 0;
    auto text = heading(ranks) + "\n" + cost_words(ranks) + "\n";
    for (auto const& each : ranks) {
        text += "\nrank " + std::to_string(each.rank) + "\n";
        if (each.steps.empty()) {
            text += "  nothing to do\n";
            continue;
        }
        detail::table_row titles{"step", "kind", "peer"};
        if (lanes) titles.push_back("lane");
        if (each.segments > 1) titles.push_back("segment");
        titles.push_back("what");
        titles.push_back("waits for");
        std::vector<detail::table_row> rows{titles};
        for (std::size_t i = 0; i < each.steps.size(); ++i) rows.push_back(detail::cells_of(each, i, lanes));
        text += detail::aligned(rows);
    }
    return text;
}

} // namespace chorus::print
