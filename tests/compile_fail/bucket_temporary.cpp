// expect only: chorus: an asynchronous or persistent call would use this temporary after its end
#include <chorus/runtime/fusion.hpp>

#include <vector>

void add(chorus::reduction_bucket<float>& bucket) { bucket.add(std::vector<float>(3)); }
