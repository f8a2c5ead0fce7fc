#pragma once
/// Which algorithm: the optional last argument of every collective, and the same as a value that can be compared,
/// parsed and printed.

#include <chorus/core/compiled.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/schedule/record_sink.hpp>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chorus {

struct choice;
struct hierarchy;

/// What an algorithm is given, whatever its collective. `choice` carries its options.
struct arguments {
    slice_list data;      ///< all_reduce, broadcast, reduce, scan, exclusive_scan: this rank's vector, to be worked on
    slice_list result;    ///< exclusive_scan: where the result goes (rank 0's is left alone)
    block_list blocks;    ///< all_gather, reduce_scatter, gather, scatter: block i is rank i's. barrier: empty tokens
    block_list outgoing;  ///< all_to_all: block j is for rank j
    block_list incoming;  ///< all_to_all: block i comes from rank i
    std::function<slice_list(int source, int destination)> transit; ///< all_to_all: scratch for a block on its way
    int root = 0;
    choice const* how = nullptr;
};

/// Says the steps of one rank to the sink.
using record_function = void (*)(record_sink&, arguments const&);

/// An algorithm with its options, as a value. `name` refers to static storage (the catalogue's names).
struct choice {
    std::string_view name;                        ///< empty: chosen by the library
    int radix = 2;                                ///< bruck: digits are base `radix`
    int segments = 0;                             ///< segments per message; 0: chosen by the library
    std::shared_ptr<hierarchy const> levels;      ///< hierarchical only
    record_function custom = nullptr;             ///< an algorithm of the caller's own, instead of the catalogue's
    int determinism = 0;                          ///< the least level that the call asks for; 0: the context's

    bool automatic() const { return name.empty(); }
};

/// The options of `hierarchical`: who belongs together, and what runs inside the groups and between their leaders.
struct hierarchy {
    std::vector<int> group_of; ///< rank -> number of its group; empty: the hosts that the transport reports
    choice inside;             ///< automatic: the library's default for a level
    choice between;            ///< may be hierarchical itself: any depth
};

bool operator==(choice const& a, choice const& b);
bool operator==(hierarchy const& a, hierarchy const& b);

/// "ring", "bruck:radix=4", "hierarchical:groups=2+3,inside=ring,between=(tree)": what `chorus bench --algorithm`,
/// `explain` and error messages show.
std::string to_string(choice const& how);

#if CHORUS_DEFINE
CHORUS_INLINE bool operator==(hierarchy const& a, hierarchy const& b) {
    return a.group_of == b.group_of && a.inside == b.inside && a.between == b.between;
}
CHORUS_INLINE bool operator==(choice const& a, choice const& b) {
    auto const same_levels = a.levels == b.levels || (a.levels && b.levels && *a.levels == *b.levels);
    return a.name == b.name && a.radix == b.radix && a.segments == b.segments && same_levels && a.custom == b.custom &&
           a.determinism == b.determinism;
}

[[gnu::cold]] CHORUS_INLINE std::string to_string(choice const& how) {
    if (how.automatic()) return "auto";
    auto text = std::string(how.name);
    auto separator = ':';
    auto const add = [&](std::initializer_list<detail::text_part> option) {
        text += separator;
        detail::append(text, option);
        separator = ',';
    };
    if (how.radix != 2) add({"radix=", how.radix});
    if (how.segments != 0) add({"segments=", how.segments});
    if (how.levels) {
        if (!how.levels->group_of.empty()) {
            std::string groups;
            for (auto const group : how.levels->group_of) detail::append(groups, {groups.empty() ? "" : "+", group});
            add({"group_of=", groups});
        }
        if (!how.levels->inside.automatic()) add({"inside=(", to_string(how.levels->inside), ")"});
        if (!how.levels->between.automatic()) add({"between=(", to_string(how.levels->between), ")"});
    }
    return text;
}
#endif

} // namespace chorus
