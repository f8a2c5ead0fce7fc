#pragma once
/// Memory that the ranks of a host can read from each other: messages from there are not copied on their way.

#include <chorus/core/compiled.hpp>
#include <chorus/runtime/communicator.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace chorus {

namespace detail {

/// Zeros on pages of their own, and whether peers can read them.
void* allocate_pages(context& owner, std::size_t bytes, bool& shared);
void free_pages(context& owner, void* what, bool shared) noexcept;

} // namespace detail

/// An owning span: a contiguous range of `size()` elements on pages of their own. Movable, not copyable. Keeps its context
/// alive. Must not be given up while a collective uses it.
template <class T>
    requires std::is_trivially_copyable_v<T>
class shared_buffer {
public:
    using value_type = T;

    shared_buffer() = default;
    shared_buffer(shared_buffer&& other) noexcept
        : owner_(std::move(other.owner_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
          shared_(other.shared_) {}
    shared_buffer& operator=(shared_buffer&& other) noexcept {
        std::swap(owner_, other.owner_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~shared_buffer() {
        if (data_ != nullptr) detail::free_pages(*owner_, data_, shared_);
    }

    T* data() const { return data_; }
    std::size_t size() const { return size_; }
    T* begin() const { return data_; }
    T* end() const { return data_ + size_; }
    T& operator[](std::size_t i) const { return data_[i]; }
    /// Whether peers read it in place. Where not (other transports), it is ordinary memory and everything works all the same.
    bool is_shared() const { return shared_; }

private:
    template <class U>
        requires std::is_trivially_copyable_v<U>
    friend shared_buffer<U> allocate(communicator& comm, std::size_t count);

    shared_buffer(std::shared_ptr<context> owner, std::size_t count) : owner_(std::move(owner)), size_(count) {
        if (count == 0) return;
        if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
        data_ = static_cast<T*>(detail::allocate_pages(*owner_, count * sizeof(T), shared_));
    }

    std::shared_ptr<context> owner_;
    T* data_ = nullptr;
    std::size_t size_ = 0;
    bool shared_ = false;
};

/// `count` zeros of T in memory that all ranks of the host can read, where the transport has such (shm). Not collective: each rank
/// allocates what it needs, and no other has to know. Throws transport_error where there is too little memory: touching it is no
/// SIGBUS later.
///
///     auto gradient = chorus::allocate<float>(comm, 1'000'000);
///     chorus::all_reduce(comm, gradient);
template <class T>
    requires std::is_trivially_copyable_v<T>
shared_buffer<T> allocate(communicator& comm, std::size_t count) {
    comm.require_valid();
    return {comm.shared_context(), count};
}

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/runtime/pages.hpp>
#endif
