#pragma once
/// Tasks: collectives that were started, and what is kept of them for the next call.

#include <chorus/algorithm/record.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/instance.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace chorus {

namespace detail {

/// Scratch memory, kept between calls: a first touch of fresh pages costs more than many a collective.
class scratch_pool {
public:
    struct block {
        std::byte* memory = nullptr;
        std::size_t bytes = 0;
    };
    scratch_pool() = default;
    scratch_pool(scratch_pool const&) = delete;
    scratch_pool& operator=(scratch_pool const&) = delete;
    ~scratch_pool() {
        for (auto const& each : idle_) free(each);
    }

    /// At least that many bytes: the smallest idle block that fits, or a new one in place of the largest that does not.
    block take(std::size_t bytes) {
        if (bytes == 0) return {};
        auto* best = idle_.end();
        for (auto* at = idle_.begin(); at != idle_.end(); ++at)
            if (best == idle_.end() || (best->bytes < bytes ? at->bytes > best->bytes : at->bytes >= bytes && at->bytes < best->bytes))
                best = at;
        if (best != idle_.end()) {
            auto const found = *best;
            *best = idle_.back();
            idle_.pop_back();
            if (found.bytes >= bytes) return found;
            bytes = std::max(bytes, found.bytes / 2 * 3); // counts that change a little find enough next time
            free(found);
        }
        auto const size = (bytes + 4095) / 4096 * 4096;
        return {static_cast<std::byte*>(::operator new(size, alignment)), size};
    }
    void give_back(block const& what) {
        if (what.memory != nullptr) idle_.push_back(what);
    }

private:
    static constexpr std::align_val_t alignment{4096};
    static void free(block const& what) { ::operator delete(what.memory, alignment); }
    plain_vector<block> idle_;
};

struct cached_program;

/// A collective that was started: an instance with its scratch memory, or a native operation.
struct task {
    std::unique_ptr<instance> run; ///< null for native operations
    std::shared_ptr<cached_program> home;
    scratch_pool::block scratch;
    std::shared_ptr<void const> keep; ///< what must live as long: a stateful operator
    std::uint64_t native_handle = 0;
    std::uint32_t slot = 0;
    collective what = collective::all_reduce;
    bool running = false;
};

/// A program and the tasks that ran it before.
struct cached_program {
    call_shape shape;
    choice how;
    std::shared_ptr<program const> code;
    std::vector<std::unique_ptr<task>> idle;
    std::uint64_t last_use = 0;
};

} // namespace detail

} // namespace chorus
