#pragma once
/// Data races by the order that the program's memory orders establish (not by the order of the run), and use of memory
/// that was freed.

#include "memory.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace chorus::testing::explore {

class race_detector {
public:
    struct race {
        void const* where = nullptr;
        int other = -1;             ///< the fiber that touched it before
        void const* from = nullptr; ///< and where in the code; null: unknown, a read
        bool freed = false;
    };

    void begin() {
        words_.forget_all();
        atomics_.forget_all();
        for (int i = 0; i < most_fibers; ++i) {
            seen_[static_cast<std::size_t>(i)] = {};
            seen_[static_cast<std::size_t>(i)].at[static_cast<std::size_t>(i)] = 1;
        }
    }
    void joins(int fiber, int other) { seen_of(fiber).join(seen_of(other)); }

    void atomic_access(int fiber, bool reads, bool writes, void const* where, int order) {
        auto& kept = atomics_[reinterpret_cast<std::uintptr_t>(where)];
        auto& mine = seen_of(fiber);
        if (reads && order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE) mine.join(kept);
        if (!writes) return;
        auto const releases = order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
        if (!reads) kept = {}; // a store ends what was released before; an update continues it
        if (releases) release(fiber, kept);
    }
    void acquires(int fiber, void const* mutex) {
        seen_of(fiber).join(atomics_[reinterpret_cast<std::uintptr_t>(mutex)]);
    }
    void releases(int fiber, void const* mutex) { release(fiber, atomics_[reinterpret_cast<std::uintptr_t>(mutex)]); }

    /// The first race of an access, if there is one.
    race plain_access(int fiber, bool writes, void const* where, std::size_t bytes, void const* from,
                      bool frees = false) {
        auto const begin = reinterpret_cast<std::uintptr_t>(where), end = begin + bytes;
        for (auto at = begin; at < end;) {
            auto const next = std::min(end, (at | 7u) + 1);
            auto const mask = static_cast<std::uint8_t>(((1u << (next - at)) - 1) << (at & 7u));
            auto& word = words_[at >> 3];
            if (auto const found = check(word, fiber, writes, mask); found.other >= 0 || found.freed)
                return {reinterpret_cast<void const*>(at), found.other, found.from, found.freed};
            auto const me = static_cast<std::size_t>(fiber);
            if (writes) {
                word.write_mask =
                    word.writer == fiber && word.written == seen_[me].at[me] ? word.write_mask | mask : mask;
                word.writer = static_cast<std::int8_t>(fiber);
                word.written = seen_[me].at[me];
                word.from = from;
                word.freed = word.freed || frees;
            } else {
                word.read_mask[me] = word.read[me] == seen_[me].at[me] ? word.read_mask[me] | mask : mask;
                word.read[me] = seen_[me].at[me];
            }
            at = next;
        }
        return {};
    }

private:
    /// Eight bytes: who wrote last, and who has read them last.
    struct shadow {
        void const* from = nullptr;
        std::uint32_t written = 0;
        std::int8_t writer = -1;
        std::uint8_t write_mask = 0;
        bool freed = false;
        std::array<std::uint32_t, most_fibers> read{};
        std::array<std::uint8_t, most_fibers> read_mask{};
    };

    vector_clock& seen_of(int fiber) { return seen_[static_cast<std::size_t>(fiber)]; }
    void release(int fiber, vector_clock& into) {
        auto& mine = seen_of(fiber);
        into.join(mine);
        ++mine.at[static_cast<std::size_t>(fiber)];
    }
    race check(shadow const& word, int fiber, bool writes, std::uint8_t mask) {
        if (word.freed) return {nullptr, word.writer, word.from, true};
        auto const& mine = seen_of(fiber);
        if (word.writer >= 0 && word.writer != fiber && (word.write_mask & mask) != 0 &&
            word.written > mine.at[static_cast<std::size_t>(word.writer)])
            return {nullptr, word.writer, word.from, false};
        for (std::size_t other = 0; writes && other < most_fibers; ++other)
            if (static_cast<int>(other) != fiber && (word.read_mask[other] & mask) != 0 &&
                word.read[other] > mine.at[other])
                return {nullptr, static_cast<int>(other), nullptr, false};
        return {};
    }

    std::array<vector_clock, most_fibers> seen_;
    table<shadow> words_;
    table<vector_clock> atomics_;
};

} // namespace chorus::testing::explore
