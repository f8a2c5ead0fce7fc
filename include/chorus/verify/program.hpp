#pragma once
/// All ranks' schedules as one program: steps numbered through over all ranks, memory as a row of cells, and every
/// message paired with its other end.

#include <chorus/verify/cells.hpp>
#include <chorus/verify/explain.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace chorus::proof {

/// A run of neighbouring cells of the program's memory.
struct cell_range {
    std::uint32_t begin = 0, end = 0;
};

/// One step of one rank. -1 stands for "no step".
struct placed_step {
    step const* text = nullptr;
    std::int32_t rank = 0;
    std::int32_t index = 0;     ///< in the rank's schedule
    std::int32_t partner = -1;  ///< the other end of the message
    std::int32_t previous = -1; ///< the message before this one on the same channel (peer, direction, lane)
    std::int32_t next = -1;     ///< and the one after it
    std::uint32_t source = 0, target = 0, last = 0; ///< its cells: ranges [source, target) and [target, last)
};

/// Precondition: the schedules are not malformed (wellformed.hpp). They must outlive the program.
class program {
public:
    explicit program(std::span<schedule const> ranks) : ranks_(ranks), grid_(ranks) {
        for (auto const& in : ranks) {
            first_buffer_.push_back(starts_of_buffer_.size());
            for (auto const& shape : in.buffers) lay_out(shape);
            first_step_.push_back(static_cast<std::int32_t>(steps_.size()));
            for (std::size_t i = 0; i < in.steps.size(); ++i) place(in, static_cast<std::int32_t>(i));
        }
        first_step_.push_back(static_cast<std::int32_t>(steps_.size()));
    }

    std::span<schedule const> ranks() const { return ranks_; }
    schedule const& of(placed_step const& s) const { return ranks_[static_cast<std::size_t>(s.rank)]; }
    cell_grid const& grid() const { return grid_; }
    /// Number of cells of memory over all ranks, and which cell of the collective lies in one of them (with equal
    /// blocks: which cell of any block).
    std::size_t memory() const { return shapes_.size(); }
    std::uint32_t shape_of(std::uint32_t cell) const { return shapes_[cell]; }
    /// The cells of block k of a buffer.
    cell_range block(int rank, buffer_id buffer, std::size_t k) const {
        auto const starts = starts_.data() + starts_of(rank, buffer) + k;
        return {static_cast<std::uint32_t>(starts[0]), static_cast<std::uint32_t>(starts[1])};
    }

    std::vector<placed_step> const& steps() const { return steps_; }
    placed_step const& operator[](std::int32_t s) const { return steps_[static_cast<std::size_t>(s)]; }
    /// The steps of a rank: [first_step(rank), first_step(rank + 1)).
    std::int32_t first_step(int rank) const { return first_step_[static_cast<std::size_t>(rank)]; }
    std::span<std::int32_t const> predecessors(placed_step const& s) const {
        return of(s).predecessors[static_cast<std::size_t>(s.index)];
    }

    std::span<cell_range const> source(placed_step const& s) const {
        return std::span(ranges_).subspan(s.source, s.target - s.source);
    }
    std::span<cell_range const> target(placed_step const& s) const {
        return std::span(ranges_).subspan(s.target, s.last - s.target);
    }
    /// Do both hold the same parts in the same order, and so equally many elements for every count?
    bool same_shape(std::span<cell_range const> a, std::span<cell_range const> b) const {
        std::size_t i = 0, j = 0;
        std::uint32_t x = 0, y = 0; // how far into a[i] and b[j]
        while (i < a.size() && j < b.size()) {
            auto const length = std::min(a[i].end - a[i].begin - x, b[j].end - b[j].begin - y);
            auto const left = shapes_.begin() + a[i].begin + x, right = shapes_.begin() + b[j].begin + y;
            if (!std::equal(left, left + length, right)) return false;
            if ((x += length) == a[i].end - a[i].begin) ++i, x = 0;
            if ((y += length) == b[j].end - b[j].begin) ++j, y = 0;
        }
        return i == a.size() && j == b.size();
    }

    /// "block 3, part 0..1/2" for a cell of a rank's memory; with its buffer, where that is not the output.
    std::string name_of_cell(int rank, std::uint32_t cell) const {
        auto const& in = ranks_[static_cast<std::size_t>(rank)];
        auto const end_of = [&](buffer_id b, std::size_t k) { return starts_[starts_of(rank, b) + k + 1]; };
        auto const blocks = [&](buffer_id b) { return in.buffers[static_cast<std::size_t>(b)].blocks.size(); };
        buffer_id buffer = 0;
        while (blocks(buffer) == 0 || end_of(buffer, blocks(buffer) - 1) <= std::int64_t{cell}) ++buffer;
        std::size_t k = 0;
        while (end_of(buffer, k) <= std::int64_t{cell}) ++k;
        auto const number = in.buffers[static_cast<std::size_t>(buffer)].blocks[k];
        auto const start = starts_[starts_of(rank, buffer) + k];
        auto const index = static_cast<std::uint32_t>(std::int64_t{cell} - start);
        auto const text = name_of_part(in, number, grid_.begin(number, index), grid_.end(number, index));
        return buffer == output_buffer ? text : text + " of " + name_of_buffer(buffer);
    }

    /// Notes that two steps are the ends of one message, or two messages of a channel that follow each other.
    void pair(std::int32_t send, std::int32_t receive) {
        steps_[static_cast<std::size_t>(send)].partner = receive;
        steps_[static_cast<std::size_t>(receive)].partner = send;
    }
    void follow(std::int32_t previous, std::int32_t next) {
        steps_[static_cast<std::size_t>(previous)].next = next;
        steps_[static_cast<std::size_t>(next)].previous = previous;
    }

private:
    std::size_t starts_of(int rank, buffer_id buffer) const {
        return starts_of_buffer_[first_buffer_[static_cast<std::size_t>(rank)] + static_cast<std::size_t>(buffer)];
    }

    /// Memory for a buffer, from where it begins to where it ends. Starts of blocks that begin before the buffer does
    /// point to where they would lie.
    void lay_out(buffer_shape const& shape) {
        starts_of_buffer_.push_back(starts_.size());
        auto const count = static_cast<std::int32_t>(shape.blocks.size());
        for (std::int32_t k = 0; k <= count; ++k) {
            auto const begins_here = k == shape.begin.block && k < count;
            auto const skipped = begins_here ? grid_.index(shape.blocks[static_cast<std::size_t>(k)], shape.begin) : 0;
            starts_.push_back(static_cast<std::int64_t>(shapes_.size()) - skipped);
            if (k == count) break;
            auto const block = shape.blocks[static_cast<std::size_t>(k)];
            auto const last = k < shape.end.block    ? grid_.count(block)
                              : k == shape.end.block ? grid_.index(block, shape.end)
                                                     : 0;
            if (k < shape.begin.block) continue;
            auto const first = grid_.equal_blocks() ? 0 : grid_.first(block);
            for (auto cell = skipped; cell < last; ++cell) shapes_.push_back(first + cell);
        }
    }

    void place(schedule const& in, std::int32_t index) {
        placed_step s;
        s.text = &in.steps[static_cast<std::size_t>(index)];
        s.rank = in.rank;
        s.index = index;
        s.source = append_ranges(in, s.text->source);
        s.target = append_ranges(in, s.text->target);
        s.last = static_cast<std::uint32_t>(ranges_.size());
        steps_.push_back(s);
    }
    /// Returns where the ranges of these slices begin.
    std::uint32_t append_ranges(schedule const& in, slice_list const& data) {
        auto const first = ranges_.size();
        for (auto const& each : data)
            if (each.begin < each.end)
                ranges_.push_back({cell_at(in, each.buffer, each.begin), cell_at(in, each.buffer, each.end)});
        return static_cast<std::uint32_t>(first);
    }
    std::uint32_t cell_at(schedule const& in, buffer_id buffer, position const& point) const {
        auto const k = static_cast<std::size_t>(point.block);
        auto const start = starts_[starts_of(in.rank, buffer) + k];
        if (point.numerator == 0) return static_cast<std::uint32_t>(start);
        auto const block = in.buffers[static_cast<std::size_t>(buffer)].blocks[k];
        return static_cast<std::uint32_t>(start + grid_.index(block, point));
    }

    std::span<schedule const> ranks_;
    cell_grid grid_;
    std::vector<std::uint32_t> shapes_;         // memory cell -> cell of the collective
    std::vector<std::size_t> first_buffer_;     // rank -> where its buffers begin in the next
    std::vector<std::size_t> starts_of_buffer_; // buffer -> where its blocks begin in the next
    std::vector<std::int64_t> starts_;          // block of a buffer -> its first memory cell; one more per buffer
    std::vector<cell_range> ranges_;
    std::vector<placed_step> steps_;
    std::vector<std::int32_t> first_step_;
};

} // namespace chorus::proof
