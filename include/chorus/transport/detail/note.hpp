#pragma once
/// What a rank entered last and whom it waits for, for the others to read: in memory that threads, or the processes of one
/// host, share.

#include <chorus/transport/transport.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace chorus::detail {

/// Two words that are read together. One writer, any number of readers, nobody waits. Whoever reads the new signature
/// (acquire) also sees that `where` has changed, and reads again. Lock-free, and so good between processes too.
class note {
public:
    void write(exchange const& ex) {
        where_.store(changing, std::memory_order_relaxed);
        signature_.store(ex.signature, std::memory_order_release);
        where_.store(std::uint64_t{ex.communicator} << 32 | ex.sequence, std::memory_order_release);
    }
    /// Nothing where the writer is at it all the time, or stopped right in the middle.
    std::optional<exchange> read() const {
        for (int tries = 0; tries < 1000; ++tries) {
            auto const where = where_.load(std::memory_order_acquire);
            auto const signature = signature_.load(std::memory_order_acquire);
            if (where == changing || where_.load(std::memory_order_relaxed) != where) continue;
            return exchange{static_cast<std::uint32_t>(where >> 32), static_cast<std::uint32_t>(where), signature, 0};
        }
        return std::nullopt;
    }

    /// Now, by a clock that all of them have. The two belong together only roughly.
    void await(int peer) {
        awaits_.store(peer, std::memory_order_relaxed);
        seen_.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    }
    rank_activity activity() const {
        return {clock::time_point(clock::duration(seen_.load(std::memory_order_relaxed))), awaits_.load(std::memory_order_relaxed)};
    }

private:
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
    static constexpr auto changing = ~std::uint64_t{0};
    std::atomic<std::uint64_t> where_{0};
    std::atomic<std::uint64_t> signature_{0};
    std::atomic<clock::rep> seen_{0};
    std::atomic<std::int32_t> awaits_{-1};
};

} // namespace chorus::detail
