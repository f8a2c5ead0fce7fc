#pragma once
/// Memory and tables of the explorer that are as if new in each run.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace chorus::testing::explore {

inline constexpr int most_fibers = 8;

/// For each fiber how far it was when something that happened before happened.
struct vector_clock {
    std::array<std::uint32_t, most_fibers> at{};
    void join(vector_clock const& other) {
        for (std::size_t i = 0; i < at.size(); ++i)
            if (other.at[i] > at[i]) at[i] = other.at[i];
    }
};

/// A hash table by address whose entries are forgotten all at once.
template <class T>
class table {
public:
    table() : entries_(1024) {}
    void forget_all() {
        ++generation_;
        used_ = 0;
    }
    T& operator[](std::uintptr_t key) {
        auto& found = entries_[place_of(key)];
        if (found.generation == generation_) return found.value;
        if (2 * ++used_ > entries_.size()) {
            grow();
            return fresh(entries_[place_of(key)], key);
        }
        return fresh(found, key);
    }
    T* find(std::uintptr_t key) {
        auto& found = entries_[place_of(key)];
        return found.generation == generation_ ? &found.value : nullptr;
    }

private:
    struct entry {
        std::uint64_t generation = 0;
        std::uintptr_t key = 0;
        T value;
    };
    T& fresh(entry& where, std::uintptr_t key) {
        where = {generation_, key, T{}};
        return where.value;
    }
    std::size_t place_of(std::uintptr_t key) const {
        auto at = (key * 0x9e3779b97f4a7c15u >> 20) & (entries_.size() - 1);
        while (entries_[at].generation == generation_ && entries_[at].key != key) at = (at + 1) & (entries_.size() - 1);
        return at;
    }
    void grow() {
        auto old = std::vector<entry>(2 * entries_.size());
        old.swap(entries_);
        for (auto& each : old)
            if (each.generation == generation_) entries_[place_of(each.key)] = each;
    }

    std::vector<entry> entries_;
    std::uint64_t generation_ = 1;
    std::size_t used_ = 0;
};

/// Where the program's memory comes from in a run: the same addresses each time, and none is used twice, so that what
/// is freed stays recognisable.
class arena {
public:
    static constexpr std::size_t size = std::size_t{256} << 20;
    arena();
    arena(arena const&) = delete;
    arena& operator=(arena const&) = delete;
    void* allocate(std::size_t bytes, std::size_t alignment);
    bool holds(void const* memory) const {
        auto const at = static_cast<std::byte const*>(memory);
        return at >= begin_ && at < begin_ + size;
    }
    std::size_t bytes_of(void const* memory) const { return static_cast<std::size_t const*>(memory)[-1]; }
    void forget_all() { used_ = 0; }

private:
    std::byte* begin_;
    std::size_t used_ = 0;
};

} // namespace chorus::testing::explore
