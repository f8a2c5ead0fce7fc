// expect only: chorus: std::vector<bool> has no elements of type bool in memory
#include <chorus/runtime/collectives/reductions.hpp>

#include <vector>

void any_of(chorus::communicator& comm, std::vector<bool>& flags) { chorus::all_reduce(comm, flags, std::logical_or<>{}); }
