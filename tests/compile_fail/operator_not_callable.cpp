// expect: chorus: the operator must be callable as T op\(T, T\)
#include <chorus/kernel/kernel.hpp>

auto const kernel = chorus::make_kernel<float>([](float a) { return a; });
