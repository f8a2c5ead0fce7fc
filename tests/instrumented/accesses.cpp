/// What the compiler calls in instrumented code, for g++ and clang++. This file itself is not instrumented.
///
/// The accesses have the orders of the program or stronger ones, as processors have them: what runs under random delays
/// still meets the store buffers of the machine.

#include "accesses.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

using chorus::testing::access;
using chorus::testing::after_atomic;
using chorus::testing::before_atomic;
using chorus::testing::before_plain;

#define FROM __builtin_return_address(0)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void** where, void*) { before_plain(true, where, sizeof *where, FROM); }
void __tsan_vptr_read(void** where) { before_plain(false, where, sizeof *where, FROM); }
void __tsan_read_range(void* where, unsigned long bytes) { before_plain(false, where, bytes, FROM); }
void __tsan_write_range(void* where, unsigned long bytes) { before_plain(true, where, bytes, FROM); }

#define PLAIN(bytes)                                                                                                   \
    void __tsan_read##bytes(void* where) { before_plain(false, where, bytes, FROM); }                                  \
    void __tsan_write##bytes(void* where) { before_plain(true, where, bytes, FROM); }                                  \
    void __tsan_unaligned_read##bytes(void* where) { before_plain(false, where, bytes, FROM); }                        \
    void __tsan_unaligned_write##bytes(void* where) { before_plain(true, where, bytes, FROM); }                        \
    void __tsan_read_write##bytes(void* where) { before_plain(true, where, bytes, FROM); }                             \
    void __tsan_unaligned_read_write##bytes(void* where) { before_plain(true, where, bytes, FROM); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

// clang calls these for the builtins; g++ leaves the calls as they are, and the linker redirects them (--wrap).
void* __tsan_memcpy(void* to, void const* from, std::size_t bytes) {
    before_plain(false, from, bytes, FROM);
    before_plain(true, to, bytes, FROM);
    return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, void const* from, std::size_t bytes) {
    before_plain(false, from, bytes, FROM);
    before_plain(true, to, bytes, FROM);
    return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, std::size_t bytes) {
    before_plain(true, to, bytes, FROM);
    return std::memset(to, value, bytes);
}

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#define UPDATE(bits, name, builtin)                                                                                    \
    std::uint##bits##_t __tsan_atomic##bits##_##name(std::uint##bits##_t volatile* where, std::uint##bits##_t value,   \
                                                     int order) {                                                      \
        before_atomic(access::update, const_cast<std::uint##bits##_t*>(where), order, FROM);                           \
        auto const old = builtin(where, value, __ATOMIC_SEQ_CST);                                                      \
        after_atomic(access::update, const_cast<std::uint##bits##_t*>(where), order, *where != old);                   \
        return old;                                                                                                    \
    }
#define COMPARE(bits, name)                                                                                            \
    int __tsan_atomic##bits##_compare_exchange_##name(std::uint##bits##_t volatile* where,                             \
                                                      std::uint##bits##_t* expected, std::uint##bits##_t wanted,       \
                                                      int order, int order_where_it_differs) {                         \
        before_atomic(access::update, const_cast<std::uint##bits##_t*>(where), order, FROM);                           \
        auto const done =                                                                                              \
            __atomic_compare_exchange_n(where, expected, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
        after_atomic(done ? access::update : access::load, const_cast<std::uint##bits##_t*>(where),                    \
                     done ? order : order_where_it_differs, done);                                                     \
        return done;                                                                                                   \
    }
#define ATOMIC(bits)                                                                                                   \
    std::uint##bits##_t __tsan_atomic##bits##_load(std::uint##bits##_t const volatile* where, int order) {             \
        before_atomic(access::load, const_cast<std::uint##bits##_t const*>(where), order, FROM);                       \
        auto const value = __atomic_load_n(where, __ATOMIC_SEQ_CST);                                                   \
        after_atomic(access::load, const_cast<std::uint##bits##_t const*>(where), order, false);                       \
        return value;                                                                                                  \
    }                                                                                                                  \
    void __tsan_atomic##bits##_store(std::uint##bits##_t volatile* where, std::uint##bits##_t value, int order) {      \
        before_atomic(access::store, const_cast<std::uint##bits##_t*>(where), order, FROM);                            \
        auto const changed = *where != value;                                                                          \
        if (order == __ATOMIC_SEQ_CST)                                                                                 \
            __atomic_store_n(where, value, __ATOMIC_SEQ_CST);                                                          \
        else                                                                                                           \
            __atomic_store_n(where, value, __ATOMIC_RELEASE);                                                          \
        after_atomic(access::store, const_cast<std::uint##bits##_t*>(where), order, changed);                          \
    }                                                                                                                  \
    UPDATE(bits, exchange, __atomic_exchange_n)                                                                        \
    UPDATE(bits, fetch_add, __atomic_fetch_add)                                                                        \
    UPDATE(bits, fetch_sub, __atomic_fetch_sub)                                                                        \
    UPDATE(bits, fetch_and, __atomic_fetch_and)                                                                        \
    UPDATE(bits, fetch_or, __atomic_fetch_or)                                                                          \
    UPDATE(bits, fetch_xor, __atomic_fetch_xor)                                                                        \
    COMPARE(bits, strong)                                                                                              \
    COMPARE(bits, weak)
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)
}
