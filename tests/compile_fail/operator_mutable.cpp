// expect: chorus: the operator must be callable as T op\(T, T\), also through a reference to const
#include <chorus/kernel/kernel.hpp>

int main() {
    int calls = 0;
    auto const counting = [calls](int a, int b) mutable { return ++calls, a + b; };
    return static_cast<int>(chorus::make_kernel<int>(counting).element_bytes);
}
