#pragma once
/// Whether this process is still the one that it was.

#include <pthread.h>

namespace chorus::detail {

/// Counts the forks that led to this process, from the first call on. Cheap, where getpid() is a system call.
inline unsigned& fork_count() {
    static unsigned count = 0;
    static bool const registered = [] { return ::pthread_atfork(nullptr, nullptr, [] { ++fork_count(); }) == 0; }();
    static_cast<void>(registered);
    return count;
}

} // namespace chorus::detail
