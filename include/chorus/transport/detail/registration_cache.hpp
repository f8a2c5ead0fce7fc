#pragma once
/// Memory that a device knows, kept for the next message from or to it.

#include <chorus/transport/detail/memory_monitor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace chorus::detail {

struct registration_limits {
    std::size_t bytes = std::size_t{1} << 30;
    std::size_t entries = 1024;
};

template <class Registrar, class Monitor = memory_monitor>
class registration_cache {
public:
    using handle = typename Registrar::handle;
    class lease {
    public:
        handle const& key() const;
        void reset();
        explicit operator bool() const;
    };
    explicit registration_cache(Registrar registrar, registration_limits limits = {}, std::shared_ptr<Monitor> monitor = Monitor::shared());

    lease get(std::byte const* memory, std::size_t bytes);
    lease pin(std::byte const* memory, std::size_t bytes);
    void tidy();
    void clear();
};

} // namespace chorus::detail
