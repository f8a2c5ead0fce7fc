#pragma once
/// Chorus: collective communication, with nothing but the standard library. MPI and verbs are included on top:
/// <chorus/transport/mpi.hpp>.

#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/run_threads.hpp>
