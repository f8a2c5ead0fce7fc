#pragma once
/// All printers of schedules: for people, for tools, and for the verifier's explanations.

#include <chorus/schedule/print/dot.hpp>             // IWYU pragma: export
#include <chorus/schedule/print/json.hpp>            // IWYU pragma: export
#include <chorus/schedule/print/space_time_svg.hpp>  // IWYU pragma: export
#include <chorus/schedule/print/space_time_text.hpp> // IWYU pragma: export
#include <chorus/schedule/print/table.hpp>           // IWYU pragma: export
