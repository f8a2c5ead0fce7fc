#pragma once
/// Words for what a step touches: "part 2/5", "input blocks 0-3", "block 1→3". Everything is numbered from 0, as in the
/// algorithms: part 2/5 is `data.part(2, 5)`.

#include <chorus/core/collective.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/schedule/print/messages.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::print {

/// How many characters a UTF-8 text shows.
inline int shown_width(std::string_view text) {
    int width = 0;
    for (auto const c : text) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    return width;
}

/// A short decimal, independent of the locale: 1.6, 0.875, 3.
inline std::string decimal(double value, int digits = 3) {
    auto const unit = std::llround(std::pow(10.0, digits));
    auto const scaled = std::llround(std::abs(value) * static_cast<double>(unit));
    auto text = (value < 0 && scaled != 0 ? "-" : "") + std::to_string(scaled / unit);
    auto rest = std::to_string(unit + scaled % unit).substr(1);
    while (!rest.empty() && rest.back() == '0') rest.pop_back();
    return rest.empty() ? text : text + "." + rest;
}

/// The slices as the collective numbers their blocks (schedule.hpp, buffer_shape) instead of the buffer, each within
/// one block. Empty slices are left out.
inline std::vector<slice> in_collective(schedule const& of, slice_list const& data) {
    std::vector<slice> result;
    for (auto const& each : data) {
        auto const& blocks = of.buffers[std::size_t(each.buffer)].blocks;
        for (auto k = each.begin.block; k < each.end.ceiling(); ++k) {
            auto const number = blocks[std::size_t(k)];
            slice one{each.buffer, {number, 0, 1}, {number + 1, 0, 1}};
            if (k == each.begin.block) one.begin = {number, each.begin.numerator, each.begin.denominator};
            if (k == each.end.block) one.end = {number, each.end.numerator, each.end.denominator};
            if (one.begin < one.end) result.push_back(one);
        }
    }
    return result;
}

namespace detail {

/// "2/5", "1-2/4"; empty for a whole block. Both points lie in one block.
inline std::string fraction(position const& begin, position const& end) {
    if (begin.numerator == 0 && end.numerator == 0) return "";
    auto const common = std::lcm<std::int64_t>(begin.denominator, end.numerator == 0 ? 1 : end.denominator);
    auto const first = begin.numerator * (common / begin.denominator);
    auto const last = end.numerator == 0 ? common : end.numerator * (common / end.denominator);
    auto const width = last - first;
    if (common % width == 0 && first % width == 0)
        return std::to_string(first / width) + "/" + std::to_string(common / width);
    return std::to_string(first) + "-" + std::to_string(last - 1) + "/" + std::to_string(common);
}

/// Neighbouring blocks, or a piece of one: what gets one name.
struct run {
    buffer_id buffer = 0;
    int row = 0; ///< all_to_all: source; otherwise 0
    int column = 0;
    int rows = 1;
    int columns = 1;
    slice piece;

    bool whole() const { return piece.begin.numerator == 0 && piece.end.numerator == 0; }
    int blocks() const { return rows * columns; }

    /// Takes the other in, if it continues this one.
    bool absorb(run const& next) {
        if (next.buffer != buffer) return false;
        if (!whole() || !next.whole()) {
            if (!(piece.end == next.piece.begin) || next.piece.begin.block != piece.begin.block) return false;
            piece.end = next.piece.end;
            return true;
        }
        if (rows == 1 && next.row == row && next.column == column + columns) return ++columns > 0;
        if (columns == 1 && next.column == column && next.row == row + rows) return ++rows > 0;
        return false;
    }
};

inline std::vector<run> runs(schedule const& of, slice_list const& data, bool by_buffer = true) {
    std::vector<run> result;
    for (auto const& each : in_collective(of, data)) {
        auto const wide = of.what == collective::all_to_all ? of.ranks : 1 << 30;
        run const one{
            by_buffer ? each.buffer : output_buffer, each.begin.block / wide, each.begin.block % wide, 1, 1, each};
        if (result.empty() || !result.back().absorb(one)) result.push_back(one);
    }
    return result;
}

/// How many blocks these are, or how many parts of the vector, as fine as the finest of them.
inline std::int64_t count(schedule const& of, std::span<run const> group) {
    std::int64_t common = 1, sum = 0;
    if (has_blocks(of.what)) {
        for (auto const& each : group) sum += each.blocks();
        return sum;
    }
    for (auto const& each : group)
        for (auto const& end : {each.piece.begin, each.piece.end}) common = std::lcm(common, std::int64_t{end.denominator});
    auto const at = [&](position const& end) { return end.block * common + end.numerator * (common / end.denominator); };
    for (auto const& each : group) sum += at(each.piece.end) - at(each.piece.begin);
    return sum;
}

inline std::string from_to(int first, int count) {
    return count == 1 ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(first + count - 1);
}

/// The run without a noun: "2/5", "0-3", "1→3".
inline std::string text_of(schedule const& of, run const& r, std::string_view part) {
    auto const piece = fraction(r.piece.begin, r.piece.end);
    if (!has_blocks(of.what)) return piece.empty() ? "all" : piece;
    auto text = from_to(r.column, r.columns);
    if (of.what == collective::all_to_all) text = from_to(r.row, r.rows) + "→" + text;
    return piece.empty() ? text : text + std::string(part) + piece;
}

/// "part ", "blocks "...: nothing for a whole vector.
inline std::string noun(schedule const& of, std::span<run const> group) {
    if (has_blocks(of.what)) return group.size() == 1 && group[0].blocks() == 1 ? "block " : "blocks ";
    auto const text = text_of(of, group[0], "");
    if (group.size() == 1 && text == "all") return "";
    return group.size() == 1 && text.find('-') == std::string::npos ? "part " : "parts ";
}

inline std::string buffer_prefix(buffer_id buffer) {
    if (buffer == input_buffer) return "input ";
    if (buffer == output_buffer) return "";
    return "scratch " + std::to_string(buffer - first_scratch_buffer) + " ";
}

/// Runs of one buffer with noun and prefix; long lists are cut short.
inline std::string words(schedule const& of, std::span<run const> group) {
    constexpr std::size_t longest = 8;
    auto text = buffer_prefix(group[0].buffer) + noun(of, group);
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (i == longest) return text + ", … (" + std::to_string(count(of, group)) + " in all)";
        text += (i == 0 ? "" : ", ") + text_of(of, group[i], " part ");
    }
    return text;
}

} // namespace detail

/// In full: "part 2/5", "input blocks 4-5, 0", "scratch 1 block 0→3", "all", "token" (a barrier's), "nothing".
inline std::string describe(schedule const& of, slice_list const& data) {
    auto const runs = detail::runs(of, data);
    if (runs.empty()) return "nothing";
    if (of.what == collective::barrier) return "token";
    std::string text;
    for (std::size_t first = 0, last = 0; first < runs.size(); first = last) {
        while (last < runs.size() && runs[last].buffer == runs[first].buffer) ++last;
        text += (first == 0 ? "" : " + ") + detail::words(of, std::span(runs).subspan(first, last - first));
    }
    return text;
}

/// For a label, without nouns and buffers: "2/5", "4-5, 0", "0→3", "all".
inline std::string brief(schedule const& of, slice_list const& data, int longest = 9) {
    if (of.what == collective::barrier) return "token";
    auto const runs = detail::runs(of, data, false);
    if (runs.empty()) return "nothing";
    std::string text;
    for (auto const& each : runs) text += (text.empty() ? "" : ",") + detail::text_of(of, each, ":");
    if (shown_width(text) <= longest) return text;
    return std::to_string(detail::count(of, runs)) + (has_blocks(of.what) ? " blocks" : " parts");
}

/// What a step does, in one line: "send part 2/5 to 3", "recv_reduce part 1/5 from 2".
inline std::string describe(schedule const& of, step const& s) {
    auto const what = describe(of, s.target.empty() ? s.source : s.target);
    auto text = std::string(name(s.kind)) + " " + what;
    if (s.sends()) return text + " to " + std::to_string(s.peer);
    if (s.receives()) return text + " from " + std::to_string(s.peer);
    if (s.kind == step_kind::copy) return "copy " + describe(of, s.source) + " to " + what;
    if (s.kind == step_kind::reduce) return "reduce " + describe(of, s.source) + " into " + what;
    return text;
}

/// "all_reduce, ring, 5 ranks": what a printout or a drawing is called.
inline std::string heading(std::span<schedule const> ranks, std::string_view separator = ", ") {
    auto const& first = ranks[0];
    auto text = std::string(name(first.what));
    auto const add = [&](std::string const& more) { text += std::string(separator) + more; };
    if (!first.algorithm.empty()) add(first.algorithm);
    add(std::to_string(first.ranks) + (first.ranks == 1 ? " rank" : " ranks"));
    if (first.root >= 0) add("root " + std::to_string(first.root));
    if (first.segments > 1) add(std::to_string(first.segments) + " segments");
    return text;
}

/// "8 rounds, at most 8 messages and 1.6 vectors sent, 0.8 vectors folded per rank": counted on the schedules.
inline std::string cost_words(std::span<schedule const> ranks, std::string_view separator = ", ",
                              ports limit = ports::one) {
    auto const most = tally_of(ranks, limit);
    auto const plural = [](std::string const& count, std::string const& noun) {
        return count + " " + noun + (count == "1" ? "" : "s");
    };
    auto text = (most.finishes ? plural(std::to_string(most.rounds), "round") : "does not finish") +
                std::string(separator) + "at most " + plural(std::to_string(most.messages), "message");
    if (ranks[0].what != collective::barrier) {
        auto const unit = has_blocks(ranks[0].what) ? "block" : "vector";
        text += " and " + plural(decimal(most.sent), unit) + " sent";
        if (most.folded > 0) text += std::string(separator) + plural(decimal(most.folded), unit) + " folded";
    }
    text += " per rank";
    if (most.chain != most.rounds && most.finishes)
        text += std::string(separator) + "longest chain " + plural(std::to_string(most.chain), "message");
    return text;
}

/// Throws usage_error where there is nothing to print, or the schedules are not those of ranks 0, 1, 2... in order.
inline void check_ranks(std::span<schedule const> ranks) {
    if (ranks.empty()) throw usage_error("chorus: no schedule to print");
    for (std::size_t r = 0; r < ranks.size(); ++r)
        if (ranks[r].rank != static_cast<int>(r) || ranks[r].ranks != static_cast<int>(ranks.size()))
            throw usage_error("chorus: schedules to print must be those of all ranks, in order; place " +
                              std::to_string(r) + " holds that of rank " + std::to_string(ranks[r].rank) + " of " +
                              std::to_string(ranks[r].ranks));
}

} // namespace chorus::print
