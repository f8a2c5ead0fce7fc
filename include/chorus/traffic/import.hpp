#pragma once
/// Traffic of other simulators: connection matrices of htsim, schedules in GOAL.

#include <chorus/core/errors.hpp>
#include <chorus/network/file.hpp>
#include <chorus/traffic/connection_matrix.hpp>
#include <chorus/traffic/goal.hpp>
#include <chorus/traffic/lines.hpp>

#include <string>

namespace chorus::traffic {

/// By the end of the file's name: .cm, or .goal. Throws usage_error.
inline imported import_traffic(std::string const& file) {
    auto const text = read_text(file);
    if (file.ends_with(".cm")) return connection_matrix_reader(file, text).run();
    if (file.ends_with(".goal")) return goal_reader(file, text).run();
    throw usage_error("chorus: " + file + ": its name should end in .cm (htsim) or .goal");
}

} // namespace chorus::traffic
