#pragma once
/// From blocks to bytes: where the slices of a schedule lie for the lengths of a call.

#include <chorus/core/plain_vector.hpp>
#include <chorus/core/slice.hpp>
#include <chorus/runtime/lengths.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace chorus {

/// A part of a buffer, in bytes from the buffer's beginning.
struct bound_piece {
    buffer_id buffer;
    std::size_t offset;
    std::size_t bytes;
};

/// Where the blocks of a schedule's buffers begin. Kept and refilled: binding again allocates nothing.
class bound_layout {
public:
    /// Computes the first element of every block of every buffer.
    void set(schedule const& plan, block_lengths const& lengths) {
        lengths_ = lengths;
        starts_.clear();
        first_.clear();
        sizes_.clear();
        for (std::size_t id = 0; id < plan.buffers.size(); ++id) {
            auto const& shape = plan.buffers[id];
            first_.push_back(starts_.size());
            auto const displacements = id == input_buffer    ? lengths.input_displacements
                                       : id == output_buffer ? lengths.output_displacements
                                                             : std::span<std::size_t const>();
            std::size_t next = 0;
            for (std::size_t k = 0; k < shape.blocks.size(); ++k) {
                if (!displacements.empty()) next = displacements[k];
                starts_.push_back(next);
                next += lengths.of(shape.blocks[k]);
            }
            starts_.push_back(next);
            sizes_.push_back(id < first_scratch_buffer ? 0 : element_of(plan, id, shape.end) - element_of(plan, id, shape.begin));
        }
    }

    /// Elements that a scratch buffer needs.
    std::size_t scratch_size(std::size_t id) const { return sizes_[id]; }
    /// Scratch buffers have memory from here on.
    std::size_t scratch_begin(schedule const& plan, std::size_t id) const {
        return element_of(plan, id, plan.buffers[id].begin);
    }

    /// Appends the slice's pieces, in bytes, merging what is contiguous. Empty pieces are left out.
    void append(schedule const& plan, slice const& s, std::size_t element_bytes, plain_vector<bound_piece>& to,
                std::size_t first_of_step) const {
        auto const id = static_cast<std::size_t>(s.buffer);
        auto const gaps = (id == input_buffer && !lengths_.input_displacements.empty()) ||
                          (id == output_buffer && !lengths_.output_displacements.empty());
        auto const add = [&](std::size_t begin, std::size_t end) {
            if (begin == end) return;
            auto const offset = begin * element_bytes, bytes = (end - begin) * element_bytes;
            if (to.size() > first_of_step && to.back().buffer == s.buffer && to.back().offset + to.back().bytes == offset)
                to.back().bytes += bytes;
            else to.push_back({s.buffer, offset, bytes});
        };
        if (!gaps) return add(element_of(plan, id, s.begin), element_of(plan, id, s.end));
        for (auto block = s.begin.block; block < s.end.ceiling(); ++block) {
            auto const start = starts_[first_[id] + static_cast<std::size_t>(block)];
            auto const length = lengths_.of(plan.buffers[id].blocks[static_cast<std::size_t>(block)]);
            add(block == s.begin.block ? start + resolve(s.begin, length) : start,
                block == s.end.block ? start + resolve(s.end, length) : start + length);
        }
    }

private:
    std::size_t element_of(schedule const& plan, std::size_t id, position const& at) const {
        auto const start = starts_[first_[id] + static_cast<std::size_t>(at.block)];
        if (at.numerator == 0) return start;
        return start + resolve(at, lengths_.of(plan.buffers[id].blocks[static_cast<std::size_t>(at.block)]));
    }

    block_lengths lengths_;
    plain_vector<std::size_t> starts_; ///< per buffer: the first element of each block, and the end
    plain_vector<std::size_t> first_;  ///< per buffer: its place in starts_
    plain_vector<std::size_t> sizes_;
};

} // namespace chorus
