#pragma once
/// The collectives by name: what the catalogue, the tools and error messages call them.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace chorus {

enum class collective : std::uint8_t {
    all_reduce,
    all_gather,
    all_to_all,
    reduce_scatter,
    broadcast,
    reduce,
    gather,
    scatter,
    scan,
    exclusive_scan,
    barrier,
    send_recv, ///< point-to-point, for messages and errors; not in the catalogue
};

inline constexpr std::array<std::string_view, 12> collective_names{
    "all_reduce", "all_gather", "all_to_all", "reduce_scatter", "broadcast", "reduce",
    "gather",     "scatter",    "scan",       "exclusive_scan", "barrier",   "send_recv"};

constexpr std::string_view name(collective what) { return collective_names[static_cast<std::size_t>(what)]; }

/// The collective of that name, if there is one.
constexpr std::optional<collective> collective_named(std::string_view text) {
    for (std::size_t i = 0; i < collective_names.size(); ++i)
        if (collective_names[i] == text) return static_cast<collective>(i);
    return std::nullopt;
}

/// Has a root rank.
constexpr bool has_root(collective what) {
    return what == collective::broadcast || what == collective::reduce || what == collective::gather ||
           what == collective::scatter;
}
/// Takes an operator.
constexpr bool has_operator(collective what) {
    return what == collective::all_reduce || what == collective::reduce_scatter || what == collective::reduce ||
           what == collective::scan || what == collective::exclusive_scan;
}
/// Its buffers have one block per rank, so that a `v` form with unequal blocks exists.
constexpr bool has_blocks(collective what) {
    return what == collective::all_gather || what == collective::all_to_all || what == collective::reduce_scatter ||
           what == collective::gather || what == collective::scatter;
}

} // namespace chorus
