#pragma once
/// Explores how ranks may interleave: the ranks are fibers, every atomic access, lock and sleep of theirs is a point at
/// which another may go on, and the engine runs a scenario again and again until it has seen every order that makes a
/// difference.
///
/// What is instrumented (../instrumented/accesses.hpp) runs as it ships. Sleeping on a condition variable or a futex
/// blocks a rank until somebody wakes it; a rank that yields goes on once something that it has read since is changed
/// by another, since nothing else could help it. Each rank's clock goes on by 20 ms whenever it has waited, so that
/// whatever is done "rarely" is done each time; nobody's deadline passes unless all are stuck and the scenario allows
/// that.
///
/// In each run all accesses that are not atomic are checked for data races, by the order that the accesses' memory
/// orders establish.
///
/// How the orders are enumerated: depth first, with dynamic partial-order reduction (Flanagan, Godefroid, POPL 2005)
/// and sleep sets (Godefroid 1996); under a bound of preemptions with the conservative points of Coons, Musuvathi,
/// McKinley (OOPSLA 2013) and without sleep sets. `sample` takes orders at random by priorities that change at a few
/// places (Burckhardt et al., ASPLOS 2010).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace chorus::testing::explore {

struct limits {
    int preemptions = -1; ///< of ranks that could have gone on; -1: as many as there may be
    std::uint64_t runs = ~std::uint64_t{0};
    double seconds = 1e9;
    int passing_deadlines = 0; ///< how often all may be stuck until time passes
};

struct outcome {
    std::uint64_t runs = 0;      ///< orders that were run to their end
    std::uint64_t redundant = 0; ///< that were left half-way, because an order like them was run before
    std::uint64_t steps = 0;     ///< accesses of all ranks in all runs
    std::uint64_t longest = 0;   ///< accesses of the longest run
    bool complete = false;       ///< nothing is left within the bounds
    std::string fault;           ///< the first that was found, with the order that leads to it; empty: none
};

/// `scenario` is called before each run: it makes what the ranks share and adds ranks. The same each time, but for
/// `choose`.
outcome explore(limits const& to, std::function<void()> const& scenario);
/// That many runs in random orders.
outcome sample(std::uint64_t seed, std::uint64_t runs, limits const& to, std::function<void()> const& scenario);

// In a scenario.

void add_rank(std::function<void()> body);
/// That rank ceases to exist at any of its steps, or not at all: nothing of it is unwound.
void add_death(int rank);
/// That rank stands still from any of its steps on, and goes on at any later time.
void add_stop(int rank);
/// Calls it as if that rank's process did: what getpid() says, and who is watched.
void as_rank(int rank, std::function<void()> const& what);
/// Calls it with memory that outlives the run.
void outside_of_runs(std::function<void()> const& what);
/// Called once all ranks have ended or died.
void at_end(std::function<void()> check);

// In a rank.

/// Any of 0 .. count - 1: all of them are tried.
int choose(int count);
/// The run is at fault.
[[noreturn]] void fail(std::string const& what);
inline void require(bool holds, char const* what) {
    if (!holds) fail(what);
}

} // namespace chorus::testing::explore
