#pragma once
/// Schedules as JSON, with nothing left out.
///
///     { "collective": "all_reduce", "algorithm": "ring", "ranks": 4, "root": null, "segments": 1, "synchronises":
///     false,
///       "schedules": [                          one per rank, in order
///         { "rank": 0,
///           "buffers": [                        by number: the caller's input, the caller's output, scratch...
///             { "name": "input", "blocks": [0], "begin": [0, 0, 1], "end": [1, 0, 1] }, ...],
///           "steps": [                          by number
///             { "kind": "recv_reduce", "peer": 3, "lane": 0, "index": 1, "segment": 0, "received": "right",
///               "source": [[0, [0, 3, 4], [1, 0, 1]]], "target": [[1, [0, 3, 4], [1, 0, 1]]],
///               "waits_for": [0] }, ...] }, ...] }
///
///   position  [block, numerator, denominator]: the point block + numerator/denominator of a buffer's row of blocks
///   slice     [buffer, begin, end], begin and end positions
///   blocks    the numbers of the collective's blocks that the buffer consists of (schedule.hpp, buffer_shape)
///   kind      send, recv, recv_reduce, copy, reduce, finish
///   peer, lane, received   null where the kind has none: copies have no peer, sends receive nothing
///   received  the side of the operator on which the operand stands that arrives or is folded in: left, right
///   index     the how-manieth step of the algorithm this is; its segments share the number
///   waits_for numbers of the same rank's steps that must be done before

#include <chorus/schedule/print/dot.hpp>
#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace chorus::print {

namespace detail {

/// "[a,b,c]" from what `text` says of each.
template <class Range, class Text>
std::string json_array(Range const& range, Text text, std::string const& separator = ",") {
    std::string result;
    for (auto const& each : range) result += (result.empty() ? "" : separator) + text(each);
    return "[" + result + "]";
}
inline std::string json_numbers(std::vector<std::int32_t> const& numbers) {
    return json_array(numbers, [](std::int32_t n) { return std::to_string(n); });
}
inline std::string json_of(position const& at) {
    return "[" + std::to_string(at.block) + "," + std::to_string(at.numerator) + "," + std::to_string(at.denominator) +
           "]";
}
inline std::string json_of(slice_list const& data) {
    return json_array(data, [](slice const& s) {
        return "[" + std::to_string(s.buffer) + "," + json_of(s.begin) + "," + json_of(s.end) + "]";
    });
}

inline std::string json_of(step const& s, std::vector<std::int32_t> const& waits_for) {
    auto const folds = s.kind == step_kind::recv_reduce || s.kind == step_kind::reduce;
    auto const number_if = [](bool has, int n) { return has ? std::to_string(n) : std::string("null"); };
    auto const where = s.received == side::left ? "\"left\"" : "\"right\"";
    return "{\"kind\":" + detail::quoted(name(s.kind)) + ",\"peer\":" + number_if(s.is_message(), s.peer) +
           ",\"lane\":" + number_if(s.is_message(), s.lane) + ",\"index\":" + std::to_string(s.index) +
           ",\"segment\":" + std::to_string(s.segment) + ",\"received\":" + (folds ? where : "null") +
           ",\"source\":" + json_of(s.source) + ",\"target\":" + json_of(s.target) +
           ",\"waits_for\":" + json_numbers(waits_for) + "}";
}

inline std::string json_of(buffer_shape const& shape, std::size_t id) {
    auto const names = id == 0 ? "input" : id == 1 ? "output" : "scratch";
    return "{\"name\":" + detail::quoted(names) + ",\"blocks\":" + json_numbers(shape.blocks) +
           ",\"begin\":" + json_of(shape.begin) + ",\"end\":" + json_of(shape.end) + "}";
}

inline std::string json_of(schedule const& of) {
    std::size_t buffer = 0, number = 0;
    auto const buffers = json_array(of.buffers, [&](buffer_shape const& each) { return json_of(each, buffer++); });
    auto const steps = json_array(
        of.steps, [&](step const& each) { return json_of(each, of.predecessors[number++]); }, ",\n    ");
    return "{\"rank\":" + std::to_string(of.rank) + ",\"buffers\":" + buffers + ",\"steps\":" + steps + "}";
}

} // namespace detail

/// `ranks[r]` is rank r's schedule; a usage_error otherwise.
inline std::string json(std::span<schedule const> ranks) {
    check_ranks(ranks);
    auto const& first = ranks[0];
    return "{\"collective\":" + detail::quoted(name(first.what)) + ",\"algorithm\":" + detail::quoted(first.algorithm) +
           ",\"ranks\":" + std::to_string(first.ranks) +
           ",\"root\":" + (first.root < 0 ? std::string("null") : std::to_string(first.root)) +
           ",\"segments\":" + std::to_string(first.segments) +
           ",\"synchronises\":" + (first.synchronises ? "true" : "false") + ",\"schedules\":" +
           detail::json_array(
               ranks, [](schedule const& each) { return detail::json_of(each); }, ",\n  ") +
           "}\n";
}

} // namespace chorus::print
