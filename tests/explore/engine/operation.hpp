#pragma once
/// A step of a fiber: what it touches decides which orders make a difference.

#include <array>
#include <cstdint>

namespace chorus::testing::explore {

enum class step : std::uint8_t {
    begins,
    loads,
    stores,
    updates,
    locks,
    unlocks,
    sleeps,
    wakes_up,
    wakes_others,
    yields,
    chooses,
    looks,
    ends_another,
    stops_another,
    resumes_another
};

struct operation {
    enum class use : std::uint8_t {
        read,
        write,
        release, ///< orders what follows, but could not have come earlier than it did: an unlock
    };
    struct touch {
        std::uintptr_t where;
        use how;
    };

    step what = step::begins;
    void const* from = nullptr; ///< the place in the code
    std::array<touch, 3> touched{};
    int count = 0;

    operation() = default;
    operation(step what_it_does, void const* place) : what(what_it_does), from(place) {}
    operation& reads(void const* where) { return add(where, use::read); }
    operation& writes(void const* where) { return add(where, use::write); }
    operation& releases(void const* where) { return add(where, use::release); }

private:
    operation& add(void const* where, use how) {
        touched[static_cast<std::size_t>(count++)] = {reinterpret_cast<std::uintptr_t>(where), how};
        return *this;
    }
};

/// Whether it makes a difference which comes first.
inline bool depend(operation const& a, operation const& b) {
    for (int i = 0; i < a.count; ++i)
        for (int j = 0; j < b.count; ++j) {
            auto const &x = a.touched[static_cast<std::size_t>(i)], &y = b.touched[static_cast<std::size_t>(j)];
            if (x.where == y.where && (x.how != operation::use::read || y.how != operation::use::read)) return true;
        }
    return false;
}

} // namespace chorus::testing::explore
