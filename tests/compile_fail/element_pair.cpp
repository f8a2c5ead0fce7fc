// expect: chorus: an element must be trivially copyable.*std::pair
#include <chorus/kernel/kernel.hpp>

#include <utility>

auto const kernel = chorus::copy_kernel<std::pair<int, int>>();
