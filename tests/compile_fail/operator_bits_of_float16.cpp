// expect: chorus: std::bit_and, std::bit_or and std::bit_xor are not defined for floating-point
#include <chorus/kernel/kernel.hpp>

auto const kernel = chorus::make_kernel<chorus::float16>(chorus::commutative(std::bit_xor<>{}));
