#pragma once
/// Chorus: collective communication, with nothing but the standard library. MPI and verbs are included on top:
/// <chorus/transport/mpi.hpp>.

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/run_threads.hpp>

// Ranks as processes share memory by what Linux has for it.
#ifdef __linux__
#include <chorus/runtime/allocate.hpp>
#include <chorus/runtime/run_processes.hpp>
#include <chorus/runtime/session.hpp>
#endif
