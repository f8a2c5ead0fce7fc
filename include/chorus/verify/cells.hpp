#pragma once
/// Elementary intervals ("cells"): how a proof over a few symbols covers every element count.
///
/// Every slice of a schedule begins and ends at a point `numerator / denominator` of a block. Cut each block of the
/// collective at *all* points that any rank uses: between two neighbouring cuts lies a cell, and every slice of every
/// rank is a union of whole cells. Whatever the length of a block, `resolve` (core/slice.hpp) sends equal points to
/// equal elements and keeps their order, so each element lies in exactly one cell, and it lies in the same cell on
/// every rank. What is proven of a cell is therefore proven of each of its elements, for every count; a cell that has
/// no elements at some count does no harm. Nothing is assumed of the lengths of different blocks: they may all differ.
///
/// The one exception: all_to_all in place exists for blocks of equal length only (the block to a rank lies where that
/// from it will). There all blocks share their cuts, and cells are compared by their place in the block.

#include <chorus/schedule/schedule.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus::proof {

/// All-to-all without an input: the output holds the outgoing blocks, and all blocks are of equal length.
inline bool blocks_are_equal(std::span<schedule const> ranks) {
    return ranks[0].what == collective::all_to_all && ranks[0].buffers[input_buffer].blocks.empty();
}

/// The cells of every block of the collective, numbered through.
class cell_grid {
public:
    explicit cell_grid(std::span<schedule const> ranks) : equal_blocks_(blocks_are_equal(ranks)) {
        std::int32_t blocks = 0;
        for (auto const& in : ranks)
            for (auto const& shape : in.buffers)
                for (auto const block : shape.blocks) blocks = std::max(blocks, block + 1);
        cuts_.resize(equal_blocks_ ? 1 : static_cast<std::size_t>(blocks));
        for (auto const& in : ranks) cut(in);

        first_.resize(static_cast<std::size_t>(blocks) + 1);
        for (std::int32_t b = 0; b < blocks; ++b) first_[at(b) + 1] = first_[at(b)] + count(b);
    }

    bool equal_blocks() const { return equal_blocks_; }
    std::uint32_t size() const { return first_.back(); }
    /// How many cells a block has, and the number of the first.
    std::uint32_t count(std::int32_t block) const { return static_cast<std::uint32_t>(cuts_of(block).size()) + 1; }
    std::uint32_t first(std::int32_t block) const { return first_[at(block)]; }

    /// Which cell of the block begins at this point of it. `point.block` is ignored.
    std::uint32_t index(std::int32_t block, position const& point) const {
        if (point.numerator == 0) return 0;
        auto const& cuts = cuts_of(block);
        return static_cast<std::uint32_t>(lower(cuts, inside(point)) - cuts.begin()) + 1;
    }
    /// Where cell k of the block begins and ends: {0, n, d} inside the block, {1, 0, 1} for its end.
    position begin(std::int32_t block, std::uint32_t k) const { return k == 0 ? position{} : cuts_of(block)[k - 1]; }
    position end(std::int32_t block, std::uint32_t k) const {
        return k + 1 == count(block) ? position{1, 0, 1} : cuts_of(block)[k];
    }

private:
    using cut_list = std::vector<position>; // ascending, without beginning and end of the block

    static std::size_t at(std::int32_t block) { return static_cast<std::size_t>(block); }
    static position inside(position const& point) { return {0, point.numerator, point.denominator}; }
    static cut_list::const_iterator lower(cut_list const& cuts, position const& point) {
        // Most blocks are cut into equal parts: look there first.
        auto const guess = std::uint64_t{point.numerator} * (cuts.size() + 1) / point.denominator;
        if (guess >= 1 && guess <= cuts.size() && cuts[guess - 1] == point)
            return cuts.begin() + static_cast<std::ptrdiff_t>(guess) - 1;
        return std::lower_bound(cuts.begin(), cuts.end(), point);
    }
    cut_list const& cuts_of(std::int32_t block) const { return cuts_[equal_blocks_ ? 0 : at(block)]; }

    void cut(schedule const& in) {
        for (std::size_t b = 0; b < in.buffers.size(); ++b) {
            cut(in, static_cast<buffer_id>(b), in.buffers[b].begin);
            cut(in, static_cast<buffer_id>(b), in.buffers[b].end);
        }
        for (auto const& s : in.steps)
            for (auto const* const data : {&s.source, &s.target})
                for (auto const& each : *data) {
                    cut(in, each.buffer, each.begin);
                    cut(in, each.buffer, each.end);
                }
    }
    void cut(schedule const& in, buffer_id buffer, position const& point) {
        if (point.numerator == 0) return;
        auto const& shape = in.buffers[static_cast<std::size_t>(buffer)];
        auto& cuts = cuts_[equal_blocks_ ? 0 : at(shape.blocks[at(point.block)])];
        auto const place = lower(cuts, inside(point));
        if (place == cuts.end() || !(*place == inside(point))) cuts.insert(place, inside(point));
    }

    bool equal_blocks_;
    std::vector<cut_list> cuts_;
    std::vector<std::uint32_t> first_;
};

} // namespace chorus::proof
