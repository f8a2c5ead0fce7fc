#pragma once
/// An algorithm of one's own, as a choice.

#include <chorus/algorithm/choice.hpp>
#include <chorus/core/collective.hpp>

#include <concepts>
#include <string_view>
#include <type_traits>

namespace chorus {

namespace detail {

template <collective What, class F>
constexpr bool callable_as_page() {
    using enum collective;
    using transit = decltype(arguments::transit) const&;
    if constexpr (What == all_reduce || What == scan)
        return std::invocable<F const&, record_sink&, slice_list const&>;
    else if constexpr (What == broadcast || What == reduce)
        return std::invocable<F const&, record_sink&, slice_list const&, int>;
    else if constexpr (What == all_gather || What == reduce_scatter || What == barrier)
        return std::invocable<F const&, record_sink&, block_list const&>;
    else if constexpr (What == gather || What == scatter)
        return std::invocable<F const&, record_sink&, block_list const&, int>;
    else if constexpr (What == all_to_all)
        return std::invocable<F const&, record_sink&, block_list const&, block_list const&, transit>;
    else if constexpr (What == exclusive_scan)
        return std::invocable<F const&, record_sink&, slice_list const&, slice_list const&>;
    else
        return false;
}

template <collective What, class F>
void call_as_page(F const& f, record_sink& sink, arguments const& args) {
    using enum collective;
    if constexpr (What == all_reduce || What == scan)
        f(sink, args.data);
    else if constexpr (What == broadcast || What == reduce)
        f(sink, args.data, args.root);
    else if constexpr (What == all_gather || What == reduce_scatter || What == barrier)
        f(sink, args.blocks);
    else if constexpr (What == gather || What == scatter)
        f(sink, args.blocks, args.root);
    else if constexpr (What == all_to_all)
        f(sink, args.outgoing, args.incoming, args.transit);
    else
        f(sink, args.data, args.result);
}

} // namespace detail

/// A callable without state, for example a lambda that captures nothing, which speaks to a sink as the pages of the
/// collective do:
///
///   all_reduce, scan                     f(sink, data)
///   broadcast, reduce                    f(sink, data, root)
///   all_gather, reduce_scatter, barrier  f(sink, blocks)
///   gather, scatter                      f(sink, blocks, root)
///   all_to_all                           f(sink, outgoing, incoming, transit)
///   exclusive_scan                       f(sink, data, result)
///
/// `verify/` proves it right, or says what is wrong.
template <class F, collective What>
concept custom_algorithm = std::is_empty_v<F> && std::default_initializable<F> && detail::callable_as_page<What, F>();

/// The choice that runs F. It is called `F::name` if there is one, "custom" otherwise.
///
///     auto const mine = custom_choice<collective::all_reduce>([](auto& sink, slice_list const& data) { ... });
template <collective What, class F>
    requires custom_algorithm<F, What> choice custom_choice() {
        choice how;
        how.name = "custom";
        if constexpr (requires { std::string_view(F::name); }) how.name = F::name;
        how.custom = [](record_sink& sink, arguments const& args) { detail::call_as_page<What>(F{}, sink, args); };
        return how;
    }
template <collective What, class F>
    requires custom_algorithm<F, What> choice custom_choice(F const&) { return custom_choice<What, F>(); }

} // namespace chorus
