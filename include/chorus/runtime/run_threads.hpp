#pragma once
/// Ranks as threads of this process: no cluster, no launcher.

#include <chorus/core/compiled.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/options.hpp>

#include <exception>
#include <functional>
#include <string>
#include <string_view>

namespace chorus {

/// What `run_threads` throws where a rank's function has thrown: `rank()` is the first that failed, what() begins with
/// it, and the original exception is nested (std::rethrow_if_nested).
class rank_error : public error, public std::nested_exception {
public:
    [[gnu::cold]] rank_error(int rank, std::string_view what) : error(words(rank, what)), rank_(rank) {}
    int rank() const noexcept { return rank_; }

private:
    static std::string words(int rank, std::string_view what) {
        auto const library = std::string_view(what.starts_with("chorus: ") ? "chorus: " : "");
        what.remove_prefix(library.size());
        return detail::text({"rank ", rank, ": ", library, detail::without_rank(what, rank)});
    }
    int rank_;
};

namespace detail {

using rank_function = std::function<void(communicator&)>;
void run_threads(int ranks, options const& how, rank_function const& f);

} // namespace detail

/// Calls `f(communicator&)` on `ranks` threads of this process and returns when all have returned. Where one throws, the
/// others are released from whatever they wait for, and the first failure is thrown here as a rank_error.
template <class F>
void run_threads(int ranks, options const& how, F f) {
    detail::run_threads(ranks, how, std::ref(f));
}
template <class F>
void run_threads(int ranks, F f) {
    detail::run_threads(ranks, options{}, std::ref(f));
}

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/runtime/thread_ranks.hpp>
#endif
