#pragma once
/// How much memory the ranks of a host share.

#include <cstddef>

namespace chorus {

struct shm_options {
    /// The most that `allocate` can give to one rank; 0: as much as the machine has. Address space, not memory.
    std::size_t heap_bytes = 0;
    /// Through which each rank passes messages from memory that is not shared; 0: as measured.
    std::size_t ring_bytes = 0;
};

} // namespace chorus
