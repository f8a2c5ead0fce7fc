#pragma once
/// Ranks as threads over a threads transport that wears decorators.

#include <chorus/runtime/thread_ranks.hpp>
#include <chorus/transport/decorators.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace chorus::testing {

/// `run_threads`, but `make(std::unique_ptr<threads_transport>)` returns a std::unique_ptr to the transport to use.
template <class Make, class F>
void run_decorated(int ranks, options const& how, Make make, F f) {
    auto const wrapped = [&](std::shared_ptr<detail::thread_hub> const& hub, int rank) {
        return any_transport::own(make(std::make_unique<threads_transport>(hub, rank)));
    };
    detail::run_ranks(ranks, how, wrapped, std::move(f));
}

enum class dress : std::uint8_t { plain, unviewed, ungathered, rendezvous, delayed, reordering, everything };
inline constexpr dress all_dresses[] = {dress::plain,   dress::unviewed,   dress::ungathered, dress::rendezvous,
                                        dress::delayed, dress::reordering, dress::everything};
inline constexpr char const* name(dress what) {
    constexpr char const* names[] = {"plain",   "unviewed",   "ungathered", "rendezvous",
                                     "delayed", "reordering", "everything"};
    return names[static_cast<std::size_t>(what)];
}

template <template <class> class Decorator, class T, class... More>
std::unique_ptr<Decorator<T>> wear(std::unique_ptr<T> inner, More... more) {
    return std::make_unique<Decorator<T>>(std::move(inner), more...);
}

inline std::unique_ptr<any_transport> dressed(dress what, std::uint64_t seed,
                                              std::unique_ptr<threads_transport> plain) {
    auto const own_seed = seed * 64 + static_cast<std::uint64_t>(plain->rank());
    switch (what) {
    case dress::plain:
        break;
    case dress::unviewed:
        return any_transport::own(wear<unviewed>(std::move(plain)));
    case dress::ungathered:
        return any_transport::own(wear<ungathered>(std::move(plain)));
    case dress::rendezvous:
        return any_transport::own(wear<rendezvous>(std::move(plain)));
    case dress::delayed:
        return any_transport::own(wear<delayed>(std::move(plain), own_seed));
    case dress::reordering:
        return any_transport::own(wear<reordering>(std::move(plain), own_seed));
    case dress::everything:
        return any_transport::own(
            wear<reordering>(wear<rendezvous>(wear<ungathered>(wear<unviewed>(std::move(plain)))), own_seed));
    }
    return any_transport::own(std::move(plain));
}

template <class F>
void run_dressed(int ranks, options const& how, dress what, std::uint64_t seed, F f) {
    auto const make = [&](std::shared_ptr<detail::thread_hub> const& hub, int rank) {
        return dressed(what, seed, std::make_unique<threads_transport>(hub, rank));
    };
    detail::run_ranks(ranks, how, make, std::move(f));
}

/// What the call throws, as text; empty where it throws nothing.
template <class F>
std::string thrown_by(F&& call) {
    try {
        call();
    } catch (std::exception const& e) {
        return e.what();
    }
    return {};
}

} // namespace chorus::testing
