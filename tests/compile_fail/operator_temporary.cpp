// expect: chorus: a kernel refers to an operator that has state
#include <chorus/kernel/kernel.hpp>

int main() {
    int const modulus = 7;
    auto const kernel = chorus::make_kernel<int>([&](int a, int b) { return (a + b) % modulus; });
    return static_cast<int>(kernel.element_bytes);
}
