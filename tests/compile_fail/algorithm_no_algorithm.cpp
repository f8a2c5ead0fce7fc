// expect only: chorus: this is no algorithm: pass a tag such as chorus::ring\{\}
#include <chorus/runtime/collectives/reductions.hpp>

#include <vector>

void reduce_by_number(chorus::communicator& comm, std::vector<int>& data) { chorus::all_reduce(comm, data, std::plus<>{}, 3); }
