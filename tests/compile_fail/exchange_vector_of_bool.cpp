// expect only: chorus: std::vector<bool> has no elements of type bool in memory
#include <chorus/runtime/collectives/exchanges.hpp>

#include <vector>

void send_flags(chorus::communicator& comm, std::vector<bool> const& flags) { chorus::send(comm, flags, 1); }
