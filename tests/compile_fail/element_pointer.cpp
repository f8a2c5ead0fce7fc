// expect: chorus: an element must not be a pointer
#include <chorus/kernel/kernel.hpp>

auto const kernel = chorus::make_kernel<int*>(chorus::minimum{});
