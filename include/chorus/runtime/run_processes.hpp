#pragma once
/// Ranks as processes of this host: no cluster, no launcher.

#include <chorus/core/compiled.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/options.hpp>
#include <chorus/runtime/run_threads.hpp>
#include <chorus/transport/shm_options.hpp>

#include <functional>

namespace chorus {

namespace detail {

void run_processes(int ranks, options const& how, shm_options const& memory, rank_function const& f);

} // namespace detail

/// Calls `f(communicator&)` in `ranks` processes, forked from this one, and returns when all have ended. What they
/// write to their memory is theirs alone. Where one throws, dies, or ends before `f` has returned (exit), the others
/// are released from whatever they wait for, and the first failure is thrown here as a rank_error that names the rank.
/// No process outlives the caller. Standard streams are flushed before the fork and at the end of a rank, which writes
/// its standard output by whole lines. Call it before starting threads: a fork copies only the one that calls. Linux.
template <class F>
void run_processes(int ranks, options const& how, shm_options const& memory, F f) {
    detail::run_processes(ranks, how, memory, std::ref(f));
}
template <class F>
void run_processes(int ranks, options const& how, F f) {
    detail::run_processes(ranks, how, {}, std::ref(f));
}
template <class F>
void run_processes(int ranks, F f) {
    detail::run_processes(ranks, options{}, {}, std::ref(f));
}

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/runtime/process_ranks.hpp>
#endif
