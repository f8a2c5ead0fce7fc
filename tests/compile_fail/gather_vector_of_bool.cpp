// expect: chorus: std::vector<bool> has no elements of type bool in memory
#include <chorus/runtime/collectives/gathers.hpp>

#include <vector>

void gather_flags(chorus::communicator& comm, std::vector<bool> const& mine, std::vector<bool>& all) { chorus::gather(comm, mine, all); }
