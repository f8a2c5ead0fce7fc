// expect: chorus: an element must not be an array
#include <chorus/kernel/kernel.hpp>

auto const kernel = chorus::copy_kernel<int[3]>();
