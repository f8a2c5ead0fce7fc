#include "show_elements.hpp"

#include "text.hpp"

#include <chorus/schedule/print/json.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace chorus::tools {

namespace {

std::size_t element_at(position const& at, std::size_t count) {
    return static_cast<std::size_t>(at.block) * count + resolve(at, count);
}
std::size_t elements(slice_list const& data, std::size_t count) {
    std::size_t total = 0;
    for (auto const& each : data) total += element_at(each.end, count) - element_at(each.begin, count);
    return total;
}
std::size_t elements(step const& s, std::size_t count) {
    return elements(s.target.empty() ? s.source : s.target, count);
}

/// The points at which a vector is cut by any message.
std::vector<position> cuts_of(std::span<schedule const> ranks) {
    std::vector<position> cuts;
    for (auto const& in : ranks)
        for (auto const& s : in.steps)
            for (auto const& each : s.target.empty() ? s.source : s.target)
                if (s.is_message() && each.buffer <= output_buffer) cuts.insert(cuts.end(), {each.begin, each.end});
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    return cuts;
}

std::string parts_as_text(std::span<schedule const> ranks, std::size_t count) {
    auto const cuts = cuts_of(ranks);
    std::vector<std::vector<std::string>> rows{{"FROM", "TO", "FIRST ELEMENT", "ELEMENTS"}};
    auto const point = [](position const& at) {
        return at.numerator == 0 ? std::to_string(at.block) : fmt::format("{}/{}", at.numerator, at.denominator);
    };
    for (std::size_t i = 1; i < cuts.size(); ++i) {
        auto const begin = element_at(cuts[i - 1], count), end = element_at(cuts[i], count);
        rows.push_back({point(cuts[i - 1]), point(cuts[i]), std::to_string(begin), std::to_string(end - begin)});
    }
    return cuts.size() < 3 ? "" : "\nthe parts\n" + aligned(rows);
}

} // namespace

std::string elements_as_text(std::span<schedule const> ranks, std::size_t count, std::optional<int> rank) {
    auto const what = ranks[0].what;
    auto const blocks = has_blocks(what);
    auto text = fmt::format("with {} elements per {}\n", count, blocks ? "block" : "vector");
    std::vector<std::vector<std::string>> rows{{"RANK", "MESSAGES", "SENT", "RECEIVED", "REDUCED", "COPIED"}};
    for (auto const& in : ranks) {
        if (rank && in.rank != *rank) continue;
        std::size_t messages = 0, sent = 0, received = 0, reduced = 0, copied = 0;
        for (auto const& s : in.steps) {
            auto const size = elements(s, count);
            if (s.sends()) ++messages, sent += size;
            if (s.receives()) received += size;
            if (s.kind == step_kind::recv_reduce || s.kind == step_kind::reduce) reduced += size;
            if (s.kind == step_kind::copy) copied += size;
        }
        rows.push_back({std::to_string(in.rank), std::to_string(messages), std::to_string(sent),
                        std::to_string(received), std::to_string(reduced), std::to_string(copied)});
    }
    text += aligned(rows);
    return blocks || what == collective::barrier ? text : text + parts_as_text(ranks, count);
}

std::string elements_as_json(std::span<schedule const> ranks, std::optional<std::size_t> count,
                             std::optional<int> rank) {
    auto const plain = print::json(ranks);
    if (!count && !rank) return plain;
    auto all = nlohmann::ordered_json::parse(plain);
    if (count) {
        all["count"] = *count;
        for (auto const& in : ranks)
            for (std::size_t i = 0; i < in.steps.size(); ++i)
                all["schedules"][static_cast<std::size_t>(in.rank)]["steps"][i]["elements"] =
                    elements(in.steps[i], *count);
    }
    if (rank) all["schedules"] = nlohmann::ordered_json::array({all["schedules"][static_cast<std::size_t>(*rank)]});
    return all.dump(1) + "\n";
}

} // namespace chorus::tools
