#pragma once
/// Every access to memory of a program that the compiler instruments (-fsanitize=thread), told to whom the program is
/// linked with instead of the sanitizer's runtime: to explore/engine, or to delays.cpp. The code under test is the code
/// that ships: nothing in it knows.

#include <cstddef>

namespace chorus::testing {

enum class access : unsigned char { load, store, update };

/// Around each atomic access. `order` is an __ATOMIC_ constant, `from` the place in the code; `changed`: another value
/// stands there now.
void before_atomic(access how, void const* where, int order, void const* from);
void after_atomic(access how, void const* where, int order, bool changed);

/// Before each access that is not atomic.
void before_plain(bool writes, void const* where, std::size_t bytes, void const* from);

} // namespace chorus::testing
