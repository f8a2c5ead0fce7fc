#pragma once
/// Registrations that outlive their message.

#include <chorus/transport/detail/registration_cache.hpp>
#include <chorus/transport/detail/verbs_rail.hpp>

#include <infiniband/verbs.h>

#include <cstddef>
#include <memory>
#include <span>

namespace chorus::detail {

struct verbs_registrar {
    using handle = verbs_keys;

    handle add(std::byte* memory, std::size_t bytes) const { return {rails, memory, bytes}; }
    void remove(handle) const {} // ends with it

    std::span<verbs_rail const> rails;
};
using verbs_registrations = registration_cache<verbs_registrar>;

/// What watches the memory whose registration is kept. Null where nothing may be kept: with bytes = 0, and where a fork would give the
/// pages that the device knows to the child (before Linux 5.12).
inline std::shared_ptr<memory_monitor> verbs_monitor(std::size_t bytes) {
    return bytes > 0 && ibv_is_fork_initialized() == IBV_FORK_UNNEEDED ? memory_monitor::shared() : nullptr;
}

} // namespace chorus::detail
