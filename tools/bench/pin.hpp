#pragma once
/// Keeps a rank on one processor, as MPI's launchers do: otherwise what is measured is where the system puts it.

#ifdef __linux__
#include <sched.h>
#endif

namespace chorus::tools {

/// The calling thread, to the (rank + 1)-th processor that it may use. Not where ranks have to share processors.
inline void pin([[maybe_unused]] int rank, [[maybe_unused]] int ranks) {
#ifdef __linux__
    cpu_set_t allowed, one;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || ranks > CPU_COUNT(&allowed)) return;
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed) && rank-- == 0) CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof one, &one);
#endif
}

} // namespace chorus::tools
