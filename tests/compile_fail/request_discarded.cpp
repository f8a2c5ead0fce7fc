// expect only: ignoring return(ed)? value
#include <chorus/runtime/collectives/reductions.hpp>

#include <vector>

#pragma GCC diagnostic error "-Wunused-result"
#pragma GCC diagnostic error "-Wunused-value"
void forget(chorus::communicator& comm, std::vector<int>& data) { chorus::async_all_reduce(comm, data); }
