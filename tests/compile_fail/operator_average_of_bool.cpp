// expect: chorus: average is defined for integers, floating-point and complex numbers only
#include <chorus/kernel/kernel.hpp>

auto const kernel = chorus::make_kernel<bool>(chorus::average{});
