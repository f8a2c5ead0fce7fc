#pragma once
/// Schedules of any count, seen with one: which elements the parts are, and how many each rank moves.

#include <chorus/schedule/schedule.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace chorus::tools {

/// "count" is the length of the vector, or of every block.
std::string elements_as_text(std::span<schedule const> ranks, std::size_t count, std::optional<int> rank);

/// The schedules as print/json.hpp describes them; with a count each step also has its number of "elements".
std::string elements_as_json(std::span<schedule const> ranks, std::optional<std::size_t> count,
                             std::optional<int> rank);

} // namespace chorus::tools
