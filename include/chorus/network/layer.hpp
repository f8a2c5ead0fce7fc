#pragma once
/// Vertices of one sort, and their names: "pod3.edge1" is made of coordinates, nothing is stored per vertex.

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

using vertex_id = std::uint32_t;

/// How far from the endpoints; what aggregated drawings sort by.
enum class tier : std::uint8_t { endpoint, bus, edge, aggregation, core, router };

/// Of a name: "pod", and how many there are.
struct coordinate {
    std::string name;
    std::uint32_t count = 1;
};

struct layer {
    tier level = tier::endpoint;
    std::uint32_t count = 0;
    std::vector<coordinate> coordinates; ///< outermost first; their counts multiply to `count`
    std::vector<std::string> names;      ///< instead of coordinates, one per vertex: imported networks
    vertex_id first = 0;                 ///< set by topology::add_layer

    std::string name_of(vertex_id v) const {
        auto rest = v - first;
        if (!names.empty()) return names[rest];
        std::string name;
        for (auto axis = coordinates.rbegin(); axis != coordinates.rend(); ++axis) {
            auto const part = axis->name + std::to_string(rest % axis->count);
            name = name.empty() ? part : part + "." + name;
            rest /= axis->count;
        }
        return name;
    }

    /// The vertex of that name, or -1.
    std::int64_t find(std::string_view name) const {
        if (!names.empty()) {
            for (std::size_t i = 0; i < names.size(); ++i)
                if (names[i] == name) return first + static_cast<std::int64_t>(i);
            return -1;
        }
        std::uint64_t index = 0;
        for (auto const& axis : coordinates) {
            auto const part = name.substr(0, name.find('.'));
            name.remove_prefix(part.size() < name.size() ? part.size() + 1 : part.size());
            if (part.substr(0, axis.name.size()) != axis.name) return -1;
            auto const digits = part.substr(axis.name.size());
            std::uint32_t number = 0;
            auto const [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
            if (problem != std::errc() || end != digits.data() + digits.size() || number >= axis.count) return -1;
            index = index * axis.count + number;
        }
        return name.empty() && !coordinates.empty() ? first + static_cast<std::int64_t>(index) : -1;
    }
};

/// Of that many vertices in all.
inline layer make_layer(tier level, std::vector<coordinate> coordinates) {
    layer result;
    result.level = level;
    result.count = 1;
    for (auto const& axis : coordinates) result.count *= axis.count;
    result.coordinates = std::move(coordinates);
    return result;
}

} // namespace chorus
