#pragma once
/// What a rank entered last: written by it, read by others, in one process or in shared memory.

#include <atomic>
#include <cstdint>
#include <utility>

namespace chorus::detail {

/// Whoever reads the new signature (acquire) also sees that `where` has changed, and reads again.
class note {
public:
    void write(std::uint64_t where, std::uint64_t signature) {
        where_.store(changing, std::memory_order_relaxed);
        signature_.store(signature, std::memory_order_release);
        where_.store(where, std::memory_order_release);
    }
    /// Communicator and sequence, and signature. A writer that died half-way leaves nothing to be read.
    std::pair<std::uint64_t, std::uint64_t> read() const {
        for (int tries = 0; tries < 1'000'000; ++tries) {
            auto const where = where_.load(std::memory_order_acquire);
            auto const signature = signature_.load(std::memory_order_acquire);
            if (where != changing && where_.load(std::memory_order_relaxed) == where) return {where, signature};
        }
        return {};
    }

private:
    static constexpr auto changing = ~std::uint64_t{0};
    std::atomic<std::uint64_t> where_{0};
    std::atomic<std::uint64_t> signature_{0};
};

} // namespace chorus::detail
