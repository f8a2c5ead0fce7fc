// expect: chorus: the operator must be callable as T op\(T, T\)
#include <chorus/kernel/kernel.hpp>

struct point {
    int x, y;
};

auto const kernel = chorus::make_kernel<point>([](point a, point b) { return a.x < b.x; });
