#pragma once
/// One TCP connection for each pair of ranks that have to do with each other: short control messages beside the data.

#include <chorus/transport/store.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace chorus::detail {

class side_channel {
public:
    static constexpr std::size_t most_bytes = 4096; ///< of a message

    template <store Store>
    side_channel(Store& over, int rank, int size, clock::time_point until, std::string_view name, std::string_view listen_at = {});

    void open(int peer);
    bool connected(int peer) const;
    bool closed(int peer) const;
    std::string const& why_closed(int peer) const;
    void send(int peer, std::span<std::byte const> message);
    void flush(clock::time_point until);
    template <class Visit>
    void poll(Visit&& on_message);
    int file() const;
    std::string const& address() const;
};

} // namespace chorus::detail
