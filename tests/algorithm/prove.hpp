#pragma once
/// Proves what the catalogue says of a collective's algorithms, and writes recorded steps as text for hand-made traces.

#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/verify/verify.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace chorus::testing {

/// The schedules of all ranks.
inline std::vector<schedule> record_all(call_shape shape, record_function algorithm, choice const& how) {
    std::vector<schedule> schedules;
    for (shape.rank = 0; shape.rank < shape.ranks; ++shape.rank) schedules.push_back(record(shape, algorithm, how));
    return schedules;
}

inline std::string words(call_shape const& shape, choice const& how) {
    return std::string(name(shape.what)) + " " + to_string(how) + ", p " + std::to_string(shape.ranks) + ", root " +
           std::to_string(shape.root) + ", segments " + std::to_string(shape.segments) +
           (shape.in_place ? ", in place: " : ": ");
}

/// What is wrong with the algorithm in this shape, or nothing. `most` collects the cost, the most over all calls.
inline std::string disproof(call_shape const& shape, catalogue_entry const& entry, choice const& how,
                            counted_cost* most = nullptr) {
    auto const found = verify(record_all(shape, entry.record, how), {.keeps_order = entry.keeps_order});
    if (!found.correct) return words(shape, how) + found.explanation;
    if (found.determinism_level < 2) return words(shape, how) + "ranks end up with different bits";
    if (most != nullptr) {
        most->rounds = std::max(most->rounds, found.cost.rounds);
        most->messages = std::max(most->messages, found.cost.messages);
        most->sent = std::max(most->sent, found.cost.sent);
        most->reduced = std::max(most->reduced, found.cost.reduced);
    }
    return {};
}

/// What is wrong with an algorithm on p ranks, over all roots, in place and not, with whole and with cut messages.
inline std::string disproof_on(int p, catalogue_entry const& entry, choice const& how) {
    counted_cost counted;
    auto const roots = has_root(entry.what) ? p : 1;
    for (int root = 0; root < roots; ++root) {
        call_shape shape{.what = entry.what, .ranks = p, .root = root};
        if (auto const wrong = disproof(shape, entry, how, &counted); !wrong.empty()) return wrong;
        shape.segments = 3;
        if (auto const wrong = disproof(shape, entry, how); !wrong.empty()) return wrong;
        shape.segments = 2;
        shape.in_place = true;
        shape.finishes = has_operator(entry.what);
        if (auto const wrong = disproof(shape, entry, how); !wrong.empty()) return wrong;
    }
    if (entry.formula == nullptr) return {};
    auto const said = entry.formula(p, how);
    auto const differs = [](double a, double b) { return std::abs(a - b) > 1e-9; };
    auto const line = [](auto const& cost) {
        return std::to_string(cost.rounds) + " rounds, " + std::to_string(cost.messages) + " messages, " +
               std::to_string(cost.sent) + " sent, " + std::to_string(cost.reduced) + " reduced";
    };
    if (differs(said.rounds, counted.rounds) || differs(said.messages, counted.messages) ||
        differs(said.sent, counted.sent) || differs(said.reduced, counted.reduced))
        return words({.what = entry.what, .ranks = p}, how) + "the formula says " + line(said) +
               "; counted: " + line(counted);
    return {};
}

/// What is wrong with any algorithm of the catalogue on `first` to `last` ranks, or nothing.
inline std::string disproof_of(std::span<catalogue_entry const> entries, int first, int last) {
    for (auto const& entry : entries)
        for (int p = first; p <= last && entry.record != nullptr; ++p) {
            choice how;
            how.name = entry.name;
            if (auto const wrong = disproof_on(p, entry, how); !wrong.empty()) return wrong;
        }
    return {};
}

/// Algorithms that keep operand order on five ranks although their entry does not say so, and the other way round.
inline std::string wrong_about_order(std::span<catalogue_entry const> entries) {
    std::string names;
    for (auto const& entry : entries) {
        if (entry.record == nullptr || entry.formula == nullptr) continue; // not a schedule, or composed of others
        choice how;
        how.name = entry.name;
        auto const schedules = record_all({.what = entry.what, .ranks = 5}, entry.record, how);
        if (verify(schedules).keeps_order != entry.keeps_order) names += std::string(entry.name) + " ";
    }
    return names;
}

/// "1/3" or "2+1/3".
inline std::string text_of(position const& at) {
    auto const part = std::to_string(at.numerator) + "/" + std::to_string(at.denominator);
    if (at.numerator == 0) return std::to_string(at.block);
    return at.block == 0 ? part : std::to_string(at.block) + "+" + part;
}
inline std::string text_of(slice_list const& data) {
    std::string text;
    for (auto const& each : data) {
        if (!text.empty()) text += " ";
        if (each.buffer == input_buffer) text += "in:";
        if (each.buffer >= first_scratch_buffer) text += "scratch:";
        text += text_of(each.begin) + ".." + text_of(each.end);
    }
    return text;
}

/// The steps of a schedule, a line each: "send 1 0..1/3", "recv_reduce 2 1/3..2/3 left", "copy in:0..1 0..1".
inline std::vector<std::string> trace(schedule const& of) {
    std::vector<std::string> lines;
    for (auto const& s : of.steps) {
        auto line = std::string(name(s.kind));
        if (s.is_message()) line += " " + std::to_string(s.peer);
        if (!s.source.empty()) line += " " + text_of(s.source);
        if (!s.target.empty() && s.target != s.source) line += " " + text_of(s.target);
        if ((s.kind == step_kind::recv_reduce || s.kind == step_kind::reduce) && s.received == side::left)
            line += " left";
        if (s.lane != 0) line += " lane " + std::to_string(s.lane);
        lines.push_back(line);
    }
    return lines;
}

/// The trace of one rank, in place.
inline std::vector<std::string> trace_of(call_shape shape, catalogue_entry const& entry) {
    choice how;
    how.name = entry.name;
    shape.what = entry.what;
    shape.in_place = true;
    return trace(record(shape, entry.record, how));
}

} // namespace chorus::testing
