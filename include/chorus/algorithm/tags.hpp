#pragma once
/// The algorithms by name: `chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{})`. The same from text is
/// `parse_choice` (parse.hpp), and an algorithm of one's own `custom_choice` (custom.hpp).
///
/// A tag converts to a `choice`. Which collectives have an algorithm of that name, the catalogue says. `segments` is
/// into how many pieces each message is cut, so that one is folded and passed on while the next arrives; 0 lets the
/// library choose. A call takes no more segments than it has elements, than 512, or than 2048 / p where that is less (64 at least):
/// more cost only time.

#include <chorus/algorithm/choice.hpp>
#include <chorus/algorithm/custom.hpp>
#include <chorus/pattern/groups.hpp>

#include <concepts>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace chorus {

/// Names an algorithm at compile time (`T::name` is a constant), and becomes a choice.
template <class T>
concept algorithm_tag = std::convertible_to<T const&, choice> && requires {
    typename std::bool_constant<!std::string_view(T::name).empty()>;
};

namespace detail {

inline choice named(std::string_view name, int segments = 0) {
    choice how;
    how.name = name;
    how.segments = segments;
    return how;
}

} // namespace detail

struct ring {
    int segments = 0;
    static constexpr std::string_view name = "ring";
    operator choice() const { return detail::named(name, segments); }
};

struct tree {
    int segments = 0;
    static constexpr std::string_view name = "tree";
    operator choice() const { return detail::named(name, segments); }
};

struct recursive_doubling {
    int segments = 0;
    static constexpr std::string_view name = "recursive_doubling";
    operator choice() const { return detail::named(name, segments); }
};

struct rabenseifner {
    int segments = 0;
    static constexpr std::string_view name = "rabenseifner";
    operator choice() const { return detail::named(name, segments); }
};

struct double_tree {
    int segments = 0;
    static constexpr std::string_view name = "double_tree";
    operator choice() const { return detail::named(name, segments); }
};

struct circulant {
    int segments = 0;
    static constexpr std::string_view name = "circulant";
    operator choice() const { return detail::named(name, segments); }
};

struct one_shot {
    int segments = 0;
    static constexpr std::string_view name = "one_shot";
    operator choice() const { return detail::named(name, segments); }
};

struct two_shot {
    int segments = 0;
    static constexpr std::string_view name = "two_shot";
    operator choice() const { return detail::named(name, segments); }
};

struct recursive_halving {
    int segments = 0;
    static constexpr std::string_view name = "recursive_halving";
    operator choice() const { return detail::named(name, segments); }
};

struct pairwise {
    int segments = 0;
    static constexpr std::string_view name = "pairwise";
    operator choice() const { return detail::named(name, segments); }
};

struct direct {
    int segments = 0;
    static constexpr std::string_view name = "direct";
    operator choice() const { return detail::named(name, segments); }
};

struct neighbour_exchange {
    int segments = 0;
    static constexpr std::string_view name = "neighbour_exchange";
    operator choice() const { return detail::named(name, segments); }
};

struct binomial {
    int segments = 0;
    static constexpr std::string_view name = "binomial";
    operator choice() const { return detail::named(name, segments); }
};

struct chain {
    int segments = 0;
    static constexpr std::string_view name = "chain";
    operator choice() const { return detail::named(name, segments); }
};

struct scatter_all_gather {
    int segments = 0;
    static constexpr std::string_view name = "scatter_all_gather";
    operator choice() const { return detail::named(name, segments); }
};

struct doubling {
    int segments = 0;
    static constexpr std::string_view name = "doubling";
    operator choice() const { return detail::named(name, segments); }
};

struct dissemination {
    static constexpr std::string_view name = "dissemination";
    operator choice() const { return detail::named(name); }
};

/// Bruck's algorithms. Small radices take few rounds, large ones move less data.
struct bruck {
    int radix = 2;
    int segments = 0;
    static constexpr std::string_view name = "bruck";
    operator choice() const {
        auto how = detail::named(name, segments);
        how.radix = radix;
        return how;
    }
};

/// A composition: one algorithm inside groups of ranks, one between them; either may be any tag or choice.
///
///     hierarchical{}                                   // groups are the hosts that the transport reports
///     hierarchical{{2, 3}, ring{}, tree{}}             // ranks 0 and 1, then ranks 2, 3 and 4
///     hierarchical::by_group({0, 1, 0, 1, 1}, ring{})  // rank r is in group number group_of[r]
struct hierarchical {
    static constexpr std::string_view name = "hierarchical";

    std::vector<int> group_of;
    choice inside;
    choice between;

    hierarchical() = default;
    /// Consecutive groups of these sizes. Throws usage_error for a size below 1.
    explicit hierarchical(std::vector<int> const& group_sizes, choice inner = {}, choice outer = {})
        : hierarchical(by_group(group_of_sizes(group_sizes), std::move(inner), std::move(outer))) {}
    static hierarchical by_group(std::vector<int> groups, choice inner = {}, choice outer = {}) {
        hierarchical result;
        result.group_of = std::move(groups);
        result.inside = std::move(inner);
        result.between = std::move(outer);
        return result;
    }

    operator choice() const {
        auto how = detail::named(name);
        how.levels = std::make_shared<hierarchy const>(hierarchy{group_of, inside, between});
        return how;
    }
};

/// The MPI library's own collective: not a schedule. Only on transports that have one.
struct native {
    static constexpr std::string_view name = "native";
    operator choice() const { return detail::named(name); }
};

/// Chosen by the library, as without an argument.
struct automatic {
    static constexpr std::string_view name = "auto";
    operator choice() const { return {}; }
};

/// The last argument of a call that leaves the algorithm to the library, but not the bits:
///
///     all_reduce(comm, data, std::plus<>{}, deterministic{3});
///
/// A usage_error where no algorithm holds that level.
struct deterministic {
    int level = 3;
    operator choice() const {
        choice how;
        how.determinism = level;
        return how;
    }
};

} // namespace chorus
