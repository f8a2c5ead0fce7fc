#pragma once
/// A vector of plain values: the part of std::vector that schedules and executors need, cheap to compile. What does not
/// depend on the element type is compiled once for all of them; see docs/decisions/0008-compile-time.md.

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace chorus {

namespace detail {

/// The memory of a plain_vector. Sizes are in elements; functions are told how many bytes an element has.
struct plain_memory {
    void* data = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;

    plain_memory() = default;
    plain_memory(plain_memory&& other) noexcept
        : data(std::exchange(other.data, nullptr)), size(std::exchange(other.size, 0)),
          capacity(std::exchange(other.capacity, 0)) {}
    plain_memory& operator=(plain_memory&& other) noexcept {
        std::swap(data, other.data);
        std::swap(size, other.size);
        std::swap(capacity, other.capacity);
        return *this;
    }
    ~plain_memory() { ::operator delete(data); }

    /// Room for that many elements in all.
    [[gnu::noinline]] void reserve(std::size_t count, std::size_t bytes) {
        if (count <= capacity) return;
        if (count > static_cast<std::size_t>(-1) / bytes) throw std::bad_alloc();
        auto* const larger = ::operator new(count * bytes);
        if (size > 0) std::memcpy(larger, data, size * bytes);
        ::operator delete(data);
        data = larger;
        capacity = count;
    }
    /// Room for `more` elements at `at`, in front of those that are there. Amortised like std::vector's.
    [[gnu::noinline]] void* open(std::size_t at, std::size_t more, std::size_t bytes) {
        if (size + more > capacity) reserve(size + more > 2 * capacity ? size + more : 2 * capacity, bytes);
        auto* const gap = static_cast<std::byte*>(data) + at * bytes;
        if (at < size) std::memmove(gap + more * bytes, gap, (size - at) * bytes);
        size += more;
        return gap;
    }
    [[gnu::noinline]] void copy(plain_memory const& other, std::size_t bytes) {
        reserve(other.size, bytes);
        size = other.size;
        if (size > 0) std::memcpy(data, other.data, size * bytes);
    }
    [[gnu::noinline]] void append(void const* from, std::size_t count, std::size_t bytes) {
        if (count > 0) std::memcpy(open(size, count, bytes), from, count * bytes);
    }
};

} // namespace detail

/// For trivially copyable T. Iterators are pointers; growth invalidates them.
template <class T>
class plain_vector {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));

public:
    using value_type = T;

    plain_vector() = default;
    plain_vector(std::initializer_list<T> some) { append(std::span<T const>(some.begin(), some.size())); }
    explicit plain_vector(std::size_t count) { resize(count); }
    plain_vector(plain_vector const& other) { memory_.copy(other.memory_, sizeof(T)); }
    plain_vector(plain_vector&&) noexcept = default;
    plain_vector& operator=(plain_vector const& other) {
        if (this != &other) memory_.copy(other.memory_, sizeof(T));
        return *this;
    }
    plain_vector& operator=(plain_vector&&) noexcept = default;

    T* data() { return static_cast<T*>(memory_.data); }
    T const* data() const { return static_cast<T const*>(memory_.data); }
    std::size_t size() const { return memory_.size; }
    bool empty() const { return memory_.size == 0; }
    T* begin() { return data(); }
    T* end() { return data() + size(); }
    T const* begin() const { return data(); }
    T const* end() const { return data() + size(); }
    T& operator[](std::size_t i) { return data()[i]; }
    T const& operator[](std::size_t i) const { return data()[i]; }
    T& front() { return data()[0]; }
    T& back() { return data()[size() - 1]; }
    T const& back() const { return data()[size() - 1]; }

    void reserve(std::size_t count) { memory_.reserve(count, sizeof(T)); }
    void clear() { memory_.size = 0; }
    void pop_back() { --memory_.size; }
    void push_back(T const& value) {
        if (memory_.size < memory_.capacity) new (end()) T(value), ++memory_.size;
        else insert(size(), value);
    }
    void append(std::span<T const> more) { memory_.append(more.data(), more.size(), sizeof(T)); }
    [[gnu::noinline]] void insert(std::size_t at, T value) { new (memory_.open(at, 1, sizeof(T))) T(value); }
    void erase(std::size_t at) {
        if (at + 1 < size()) std::memmove(static_cast<void*>(data() + at), data() + at + 1, (size() - at - 1) * sizeof(T));
        pop_back();
    }
    /// Takes the element out without keeping the order of the others.
    void erase_unordered(std::size_t at) {
        data()[at] = back();
        pop_back();
    }
    void resize(std::size_t count, T value = T()) {
        reserve(count);
        for (auto i = size(); i < count; ++i) new (data() + i) T(value);
        memory_.size = count;
    }
    void assign(std::size_t count, T value) {
        clear();
        resize(count, value);
    }

    friend bool operator==(plain_vector const& a, plain_vector const& b) {
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i)
            if (!(a[i] == b[i])) return false;
        return true;
    }

private:
    detail::plain_memory memory_;
};

} // namespace chorus
