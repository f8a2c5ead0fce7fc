// expect only: chorus: an asynchronous or persistent call would use this temporary after its end
#include <chorus/runtime/collectives/reductions.hpp>

#include <vector>

std::vector<float> gradient();

void reduce_later(chorus::communicator& comm) { chorus::async_all_reduce(comm, gradient()).wait(); }
