// expect only: chorus: a bucket has no elements of type bool
#include <chorus/runtime/fusion.hpp>

void fill(chorus::communicator& comm) { chorus::reduction_bucket<bool> bucket(comm); }
