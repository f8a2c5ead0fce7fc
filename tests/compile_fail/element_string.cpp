// expect: chorus: an element must be trivially copyable
#include <chorus/kernel/kernel.hpp>

#include <string>

auto const kernel = chorus::copy_kernel<std::string>();
