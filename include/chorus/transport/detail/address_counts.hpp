#pragma once
/// How many want each part of the address space.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace chorus::detail {

/// Addresses from `begin` up to, not including, `end`.
struct address_range {
    std::uintptr_t begin = 0, end = 0;

    std::size_t bytes() const { return end - begin; }
    bool contains(address_range const& other) const { return begin <= other.begin && other.end <= end; }
    bool meets(address_range const& other) const { return begin < other.end && other.begin < end; }
    friend bool operator==(address_range const&, address_range const&) = default;
};

/// The whole pages that so many bytes from there touch.
inline address_range pages_of(std::byte const* memory, std::size_t bytes, std::size_t page) {
    auto const begin = reinterpret_cast<std::uintptr_t>(memory);
    return {begin / page * page, (begin + (bytes == 0 ? 1 : bytes) + page - 1) / page * page};
}

/// A count for each address, 0 at first. Cost of a change: O(log n + boundaries inside).
class address_counts {
public:
    void add(address_range const& where) {
        change(where, 1, [](address_range const&) {});
    }
    /// Calls none_left(range) for every part that nobody wants any more. Precondition: was added.
    template <class Visit>
    void remove(address_range const& where, Visit&& none_left) {
        change(where, -1, none_left);
    }
    bool empty() const { return from_.empty(); }

private:
    using map = std::map<std::uintptr_t, int>;

    template <class Visit>
    void change(address_range const& where, int by, Visit&& none_left) {
        auto const first = split(where.begin), last = split(where.end);
        for (auto each = first; each != last; ++each)
            if ((each->second += by) == 0) none_left(address_range{each->first, std::next(each)->first});
        for (auto each = first;;) {
            auto const was_last = each == last;
            auto const before = each == from_.begin() ? 0 : std::prev(each)->second;
            each = each->second == before ? from_.erase(each) : std::next(each);
            if (was_last) break;
        }
    }
    map::iterator split(std::uintptr_t at) {
        auto const next = from_.lower_bound(at);
        if (next != from_.end() && next->first == at) return next;
        return from_.emplace_hint(next, at, next == from_.begin() ? 0 : std::prev(next)->second);
    }

    map from_; ///< the count from that address to the next one
};

} // namespace chorus::detail
