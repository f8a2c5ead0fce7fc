#pragma once
/// The whole catalogue: every algorithm of every collective. For the tools and the tests, which look algorithms up by
/// name; the collectives themselves include what they run.

#include <chorus/algorithm/all_gather/catalogue.hpp>
#include <chorus/algorithm/all_reduce/catalogue.hpp>
#include <chorus/algorithm/all_to_all/catalogue.hpp>
#include <chorus/algorithm/barrier/catalogue.hpp>
#include <chorus/algorithm/broadcast/catalogue.hpp>
#include <chorus/algorithm/entry.hpp>
#include <chorus/algorithm/exclusive_scan/catalogue.hpp>
#include <chorus/algorithm/gather/catalogue.hpp>
#include <chorus/algorithm/reduce/catalogue.hpp>
#include <chorus/algorithm/reduce_scatter/catalogue.hpp>
#include <chorus/algorithm/scan/catalogue.hpp>
#include <chorus/algorithm/scatter/catalogue.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace chorus {

/// The algorithms of one collective; none for point-to-point messages.
constexpr std::span<catalogue_entry const> entries_of(collective what) {
    using enum collective;
    switch (what) {
    case all_reduce:
        return catalogue<all_reduce>::entries;
    case all_gather:
        return catalogue<all_gather>::entries;
    case all_to_all:
        return catalogue<all_to_all>::entries;
    case reduce_scatter:
        return catalogue<reduce_scatter>::entries;
    case broadcast:
        return catalogue<broadcast>::entries;
    case reduce:
        return catalogue<reduce>::entries;
    case gather:
        return catalogue<gather>::entries;
    case scatter:
        return catalogue<scatter>::entries;
    case scan:
        return catalogue<scan>::entries;
    case exclusive_scan:
        return catalogue<exclusive_scan>::entries;
    case barrier:
        return catalogue<barrier>::entries;
    case send_recv:
        break;
    }
    return {};
}

namespace detail {

constexpr std::size_t count_of_entries() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < collective_names.size(); ++i) count += entries_of(static_cast<collective>(i)).size();
    return count;
}

} // namespace detail

/// All of them, collective by collective.
inline constexpr auto all_entries = [] {
    std::array<catalogue_entry, detail::count_of_entries()> all{};
    auto next = all.begin();
    for (std::size_t i = 0; i < collective_names.size(); ++i) {
        auto const some = entries_of(static_cast<collective>(i));
        next = std::copy(some.begin(), some.end(), next);
    }
    return all;
}();

} // namespace chorus
