#pragma once
/// The memory that random programs call with: used again and again, as in a real program, so that what is written too
/// late is seen.

#include "support/conformance.hpp"

#include <chorus/runtime/allocate.hpp>

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus::testing {

/// One object in memory that processes forked from here share with this one.
template <class T>
class shared_object {
public:
    shared_object() {
        auto* const memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        what_ = new (memory) T{};
    }
    shared_object(shared_object const&) = delete;
    shared_object& operator=(shared_object const&) = delete;
    ~shared_object() { ::munmap(static_cast<void*>(what_), sizeof(T)); }
    T& operator*() const { return *what_; }
    T* operator->() const { return what_; }

private:
    T* what_;
};

/// Memory of one rank, private or of `allocate`. Blocks that are given back are taken again.
class memory_pool {
public:
    explicit memory_pool(communicator& comm) : comm_(&comm) {}
    memory_pool(memory_pool const&) = delete;
    memory_pool& operator=(memory_pool const&) = delete;

    struct block {
        std::byte* data = nullptr;
        std::size_t size = 0;
        bool shared = false, taken = true;
        shared_buffer<std::byte> owner{};
        std::unique_ptr<std::byte, decltype(&std::free)> own{nullptr, &std::free};
    };

    block* take(std::size_t bytes, bool shared) {
        for (auto& each : blocks_)
            if (!each->taken && each->shared == shared && each->size >= bytes && each->size <= 4 * bytes + 4096) {
                each->taken = true;
                return each.get();
            }
        auto made = std::make_unique<block>();
        made->size = (bytes + page - 1) / page * page;
        made->shared = shared;
        if (shared) {
            made->owner = allocate<std::byte>(*comm_, made->size);
            made->data = made->owner.data();
        } else {
            made->own.reset(static_cast<std::byte*>(std::aligned_alloc(page, made->size)));
            made->data = made->own.get();
            if (made->data == nullptr) throw std::bad_alloc();
        }
        blocks_.push_back(std::move(made));
        return blocks_.back().get();
    }
    /// Every byte of it, taken or not: what a rank does with its memory once a call has thrown.
    void fill(std::byte pattern) {
        for (auto& each : blocks_) std::memset(each->data, static_cast<int>(pattern), each->size);
    }
    std::size_t bytes_other_than(std::byte pattern) const {
        std::size_t other = 0;
        for (auto const& each : blocks_)
            for (std::size_t i = 0; i < each->size; ++i) other += each->data[i] != pattern ? 1 : 0;
        return other;
    }

private:
    static constexpr std::size_t page = 4096;
    communicator* comm_;
    std::vector<std::unique_ptr<block>> blocks_;
};

/// A buffer of a call, with margins that nobody may touch.
template <class T>
class margined {
public:
    /// `shift` moves its begin by elements, off the boundaries of cache lines and pages.
    margined(memory_pool& from, std::size_t count, bool shared, std::size_t shift)
        : begin_(margin + shift * sizeof(T)),
          count_(count),
          block_(from.take(begin_ + count * sizeof(T) + margin, shared)) {}
    margined(margined&& other) noexcept
        : begin_(other.begin_),
          count_(other.count_),
          block_(std::exchange(other.block_, nullptr)) {}
    margined& operator=(margined&&) = delete;
    ~margined() {
        if (block_ != nullptr) block_->taken = false;
    }

    std::span<T> get() const { return {reinterpret_cast<T*>(block_->data + begin_), count_}; }
    void clear() { std::memset(block_->data, pattern, end() + margin); }
    static void clear(std::vector<T>& like, std::size_t count) {
        like.resize(count);
        if (count > 0) std::memset(static_cast<void*>(like.data()), pattern, count * sizeof(T));
    }
    /// What differs from `wanted` or beside it; empty where nothing does.
    std::string compare(char const* which, std::vector<T> const& wanted) const {
        auto const text = std::string(which);
        for (std::size_t i = 0; i < margin; ++i)
            if (block_->data[begin_ - margin + i] != std::byte{pattern} ||
                block_->data[end() + i] != std::byte{pattern})
                return "memory beside the " + text + " was written";
        if (count_ == 0 || std::memcmp(get().data(), wanted.data(), count_ * sizeof(T)) == 0) return {};
        std::size_t wrong = 0, first = 0, last = 0;
        for (std::size_t i = 0; i < count_; ++i)
            if (std::memcmp(&get()[i], &wanted[i], sizeof(T)) != 0) {
                if (wrong++ == 0) first = i;
                last = i;
            }
        return text + ": " + std::to_string(wrong) + " of " + std::to_string(count_) + " elements are wrong, from " +
               std::to_string(first) + " to " + std::to_string(last);
    }

private:
    static constexpr std::size_t margin = 256;
    static constexpr int pattern = 0xA5;
    std::size_t end() const { return begin_ + count_ * sizeof(T); }

    std::size_t begin_, count_;
    memory_pool::block* block_;
};

} // namespace chorus::testing
