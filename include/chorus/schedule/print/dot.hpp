#pragma once
/// Schedules as a Graphviz graph: `chorus show ... --format dot | dot -Tsvg`.

#include <chorus/schedule/print/messages.hpp>
#include <chorus/schedule/print/wording.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace chorus::print {

namespace detail {

/// A text inside double quotes: of Graphviz and of JSON.
inline std::string quoted(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result = "\"";
    for (auto const c : text) {
        auto const code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            result += {'\\', c};
        else if (c == '\n')
            result += "\\n";
        else if (code < 0x20)
            result += std::string("\\u00") + digits[code >> 4U] + digits[code & 15U];
        else
            result += c;
    }
    return result + '"';
}

inline std::string node_of(std::int32_t rank, std::int32_t step) {
    return "r" + std::to_string(rank) + "s" + std::to_string(step);
}

inline std::string_view fill_of(step_kind kind) {
    switch (kind) {
    case step_kind::send:
        return "#d6e6f5";
    case step_kind::recv:
        return "#e4f1dd";
    case step_kind::recv_reduce:
        return "#fbe3c0";
    case step_kind::reduce:
        return "#f6efc8";
    default:
        return "#eeeeee";
    }
}

inline std::string cluster_of(schedule const& of) {
    auto const rank = std::to_string(of.rank);
    auto text = "  subgraph cluster_" + rank + " {\n    label=\"rank " + rank + "\"; color=\"#999999\";\n";
    for (std::size_t i = 0; i < of.steps.size(); ++i)
        text += "    " + node_of(of.rank, std::int32_t(i)) +
                " [label=" + detail::quoted(std::to_string(i) + ": " + describe(of, of.steps[i])) + ", fillcolor=\"" +
                std::string(fill_of(of.steps[i].kind)) + "\"];\n";
    for (std::size_t i = 0; i < of.steps.size(); ++i)
        for (auto const before : of.predecessors[i])
            text += "    " + node_of(of.rank, before) + " -> " + node_of(of.rank, std::int32_t(i)) +
                    " [color=\"#999999\"];\n";
    return text + "  }\n";
}

} // namespace detail

/// A cluster per rank, a node per step, thin edges for "waits for", thick ones for messages. Steps without a partner
/// have no thick edge. `ranks[r]` is rank r's schedule; a usage_error otherwise.
inline std::string dot(std::span<schedule const> ranks) {
    check_ranks(ranks);
    auto text = "digraph schedule {\n  label=" + detail::quoted(heading(ranks)) +
                "; labelloc=t; rankdir=TB;\n"
                "  node [shape=box, style=\"filled,rounded\", fontname=\"sans-serif\", fontsize=10];\n"
                "  edge [fontname=\"sans-serif\", fontsize=9];\n";
    for (auto const& each : ranks) text += detail::cluster_of(each);
    for (auto const& m : match_messages(ranks)) {
        if (!m.matched()) continue;
        auto const& from = ranks[std::size_t(m.from)];
        text += "  " + detail::node_of(m.from, m.send) + " -> " + detail::node_of(m.to, m.recv) +
                " [label=" + detail::quoted(brief(from, from.steps[std::size_t(m.send)].source)) +
                ", color=\"#0072b2\", penwidth=2];\n";
    }
    return text + "}\n";
}

} // namespace chorus::print
