#pragma once
/// Slices: which part of which buffer a step touches, independent of how many elements that is.
///
/// A schedule is recorded once and used for every count, so a slice cannot be a range of elements. A buffer is a
/// row of blocks, and a slice lies between two points of that row: `block 3` to `block 5`, or `1/4` to `2/4` of block 0.
/// Every rank resolves a point with the same rounding (`resolve` below), so that both ends of a message agree on its
/// size for any count, also when there are fewer elements than parts.

#include <chorus/core/errors.hpp>
#include <chorus/core/plain_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// Non-negative remainder: the neighbour arithmetic of rings. Precondition: size > 0.
constexpr int mod(int value, int size) {
    auto const rest = value % size;
    return rest < 0 ? rest + size : rest;
}

/// A point on a row of blocks: `block + numerator / denominator`, with 0 <= numerator < denominator, in lowest terms.
struct position {
    std::int32_t block = 0;
    std::uint32_t numerator = 0;
    std::uint32_t denominator = 1;

    friend constexpr bool operator==(position const&, position const&) = default;
    friend constexpr bool operator<(position const& a, position const& b) {
        if (a.block != b.block) return a.block < b.block;
        return std::uint64_t{a.numerator} * b.denominator < std::uint64_t{b.numerator} * a.denominator;
    }
    friend constexpr bool operator<=(position const& a, position const& b) { return !(b < a); }

    /// The first block boundary at or after this point.
    constexpr std::int32_t ceiling() const { return numerator == 0 ? block : block + 1; }
};

/// The element inside a block of `length` elements at which a point lies: floor(length * numerator / denominator).
constexpr std::size_t resolve(position const& at, std::size_t length) {
    if (at.numerator == 0) return 0;
    auto const whole = length / at.denominator, rest = length % at.denominator;
    return whole * at.numerator + rest * at.numerator / at.denominator;
}

/// The point that lies `index / count` of the way from `begin` to `end`. Throws usage_error where the fraction would
/// no longer fit 32 bits (more than 2^31 parts).
constexpr position between(position const& begin, position const& end, std::int64_t index, std::int64_t count) {
    auto const common = std::lcm(std::int64_t{begin.denominator}, std::int64_t{end.denominator});
    auto const scaled = [&](position const& at) { return at.block * common + at.numerator * (common / at.denominator); };
    auto const whole = common * count;
    if (whole > INT64_C(0x7fffffff)) throw usage_error("chorus: a buffer is cut into more than 2^31 parts");
    auto const point = scaled(begin) * count + (scaled(end) - scaled(begin)) * index;
    auto const block = point / whole, rest = point % whole;
    auto const divisor = std::gcd(rest, whole);
    return {static_cast<std::int32_t>(block), static_cast<std::uint32_t>(rest / divisor),
            static_cast<std::uint32_t>(whole / divisor)};
}

/// Which buffer of a schedule: the caller's input, the caller's output, then scratch in order of creation.
using buffer_id = std::int32_t;
inline constexpr buffer_id input_buffer = 0;
inline constexpr buffer_id output_buffer = 1;
inline constexpr buffer_id first_scratch_buffer = 2;

/// A contiguous part of a buffer, from one point of its row of blocks to another.
struct slice {
    buffer_id buffer = output_buffer;
    position begin{};
    position end{};

    /// Part i of k parts as equal as can be. Of the n elements of a block, part i begins at element floor(n i / k).
    constexpr slice part(int i, int k) const {
        return {buffer, between(begin, end, mod(i, k), k), between(begin, end, mod(i, k) + 1, k)};
    }
    /// Blocks [first, first + count), counted from the beginning of this slice, which must lie on a block boundary.
    constexpr slice blocks(int first, int count) const {
        return {buffer, {begin.block + first, 0, 1}, {begin.block + first + count, 0, 1}};
    }
    constexpr slice block(int i) const { return blocks(i, 1); }
    /// How many blocks this slice touches.
    constexpr int block_count() const { return end.ceiling() - begin.block; }

    friend constexpr bool operator==(slice const&, slice const&) = default;
    /// Empty slices overlap nothing.
    friend constexpr bool overlap(slice const& a, slice const& b) {
        return a.buffer == b.buffer && a.begin < b.end && b.begin < a.end && a.begin < a.end && b.begin < b.end;
    }
};

/// Several slices that travel in one message, in this order. A slice is one of these. Both ends of a message must list
/// the same blocks or parts in the same order (each wherever it lies on that rank), so that long messages are cut
/// into the same segments. What happens to be contiguous in memory is merged when buffers are bound.
class slice_list {
public:
    slice_list() = default;
    slice_list(slice const& one) : slices_{one} {}

    slice_list& operator+=(slice const& more) {
        slices_.push_back(more);
        return *this;
    }
    slice_list& operator+=(slice_list const& more) {
        slices_.append(more.slices_);
        return *this;
    }
    friend slice_list operator+(slice_list a, slice_list const& b) { return a += b; }

    /// Part i of k of every slice of the list.
    slice_list part(int i, int k) const {
        slice_list parts;
        for (auto const& each : slices_) parts += each.part(i, k);
        return parts;
    }
    /// Segment i of k of the list as a message: whole slices where there are enough of them, parts of each otherwise.
    slice_list segment(int i, int k) const {
        auto const count = slices_.size(), first = count * static_cast<std::size_t>(i) / static_cast<std::size_t>(k);
        auto const next = count * static_cast<std::size_t>(i + 1) / static_cast<std::size_t>(k);
        if (count < static_cast<std::size_t>(k)) return part(i, k);
        slice_list some;
        some.slices_.append(std::span<slice const>(slices_).subspan(first, next - first));
        return some;
    }

    bool empty() const { return slices_.empty(); }
    std::size_t size() const { return slices_.size(); }
    slice const* begin() const { return slices_.begin(); }
    slice const* end() const { return slices_.end(); }
    slice const& operator[](std::size_t i) const { return slices_[i]; }
    friend bool operator==(slice_list const&, slice_list const&) = default;

private:
    plain_vector<slice> slices_;
};

/// A numbered row of blocks, one per rank or one per part, each wherever it lies: what all_gather, reduce_scatter,
/// all_to_all, gather and scatter work on. Indices are taken modulo the number of blocks, as rings like them.
class block_list {
public:
    block_list() = default;
    explicit block_list(std::vector<slice_list> blocks) : blocks_(std::move(blocks)) {}

    /// The k equal parts of a slice.
    static block_list parts(slice_list const& whole, int k) {
        block_list result;
        for (int i = 0; i < k; ++i) result.push_back(whole.part(i, k));
        return result;
    }
    /// The first k blocks of a slice that begins on a block boundary.
    static block_list blocks(slice const& whole, int k) {
        block_list result;
        for (int i = 0; i < k; ++i) result.push_back(whole.block(i));
        return result;
    }

    void push_back(slice_list block) { blocks_.push_back(std::move(block)); }
    int size() const { return static_cast<int>(blocks_.size()); }
    slice_list const& operator[](int i) const { return blocks_[static_cast<std::size_t>(mod(i, size()))]; }

    /// Blocks first, first + 1, ..., first + count - 1 (modulo size) as one message.
    slice_list range(int first, int count) const {
        slice_list result;
        for (int i = 0; i < count; ++i) result += (*this)[first + i];
        return result;
    }
    slice_list all() const { return range(0, size()); }

    /// For each group of indices one block that holds the members' blocks in their order: a coarser row of blocks.
    block_list grouped(std::vector<std::vector<int>> const& groups) const {
        block_list result;
        for (auto const& members : groups) {
            slice_list together;
            for (auto const member : members) together += (*this)[member];
            result.push_back(together);
        }
        return result;
    }
    /// The blocks of the given indices only: the row as a subset of the ranks sees it.
    block_list select(std::vector<int> const& indices) const {
        block_list result;
        for (auto const index : indices) result.push_back((*this)[index]);
        return result;
    }

private:
    std::vector<slice_list> blocks_;
};

} // namespace chorus
