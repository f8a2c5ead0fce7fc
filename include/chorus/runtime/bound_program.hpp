#pragma once
/// A program bound to lengths: which bytes each step touches, and the scratch memory that they need.

#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/binding.hpp>
#include <chorus/runtime/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace chorus {

/// Of one step, by the numbers of the pieces that its slices fall into.
struct bound_step {
    std::size_t source_begin = 0, source_end = 0;
    std::size_t target_begin = 0, target_end = 0;
    std::size_t bytes = 0;
    std::size_t staging = 0; ///< offset in scratch of the staging or packing memory
};

/// Kept and refilled: binding again allocates nothing. Refers to its program.
class bound_program {
public:
    /// `gathers`: the transport takes messages of several pieces. `window`: how many messages of a channel may wait to be
    /// folded.
    [[gnu::cold]] bound_program(program const& what, bool gathers, std::size_t window)
        : program_(&what), gathers_(gathers), window_(window), steps_(what.size()) {
        pieces_.reserve(most_pieces());
    }

    /// Whether these are the lengths of the last time: seen of uniform ones only.
    bool is_bound_to(block_lengths const& lengths, std::size_t element_bytes, std::size_t alignment) const {
        return was_plain_ && lengths.uniform == uniform_ && element_bytes == element_bytes_ && alignment <= alignment_ && lengths.is_plain();
    }
    void bind(block_lengths const& lengths, std::size_t element_bytes, std::size_t alignment) {
        element_bytes_ = element_bytes;
        alignment_ = alignment;
        uniform_ = lengths.uniform;
        was_plain_ = lengths.is_plain();
        layout_.set(program_->plan(), lengths);
        pieces_.clear();
        traffic_ = 0;
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            bind_step(static_cast<std::int32_t>(i));
            traffic_ += steps_[i].bytes;
        }
        lay_out_scratch();
    }

    /// Finds the pieces that hold what this rank contributes, and adds scratch memory for a copy of the input.
    [[gnu::cold]] void bind_contribution() {
        auto const& plan = program_->plan();
        auto const id = plan.buffers[input_buffer].blocks.empty() ? output_buffer : input_buffer;
        auto const& shape = plan.buffers[static_cast<std::size_t>(id)];
        contribution_.clear();
        layout_.append(plan, {id, shape.begin, shape.end}, element_bytes_, contribution_, 0);
        std::size_t end = 0;
        for (auto const& each : contribution_) end = std::max(end, each.offset + each.bytes);
        contribution_offset_ = take(id == input_buffer ? end : 0, cache_line);
    }
    std::span<bound_piece const> contribution() const { return contribution_; }
    std::size_t contribution_offset() const { return contribution_offset_; }

    bound_step const& operator[](std::int32_t i) const { return steps_[static_cast<std::size_t>(i)]; }
    std::span<bound_piece const> pieces() const { return pieces_; }
    std::size_t scratch_bytes() const { return scratch_bytes_; }
    /// Whether all that is moved and folded is too much for the caches, so that what is written is better written past them.
    bool streams() const { return traffic_ >= streams_from; }
    /// Whether time goes to latency rather than to copies.
    bool is_short() const { return traffic_ <= short_traffic; }
    /// Where a scratch buffer begins.
    std::size_t scratch_offset(buffer_id buffer) const { return scratch_offsets_[static_cast<std::size_t>(buffer)]; }
    /// Whether the message travels through packing memory.
    bool needs_packing(std::int32_t i) const {
        auto const& b = (*this)[i];
        auto const count = (*program_)[i].sends() ? b.source_end - b.source_begin : b.target_end - b.target_begin;
        return !gathers_ && count > 1;
    }

    /// Into how many pieces all slices fall where no two blocks are neighbours.
    [[gnu::cold]] std::size_t most_pieces() const {
        std::size_t count = 0;
        for (auto const& s : program_->plan().steps)
            for (auto const* const slices : {&s.source, &s.target})
                for (auto const& each : *slices) count += static_cast<std::size_t>(std::max(1, each.block_count()));
        return count;
    }

private:
    void bind_step(std::int32_t i) {
        auto const& s = (*program_)[i];
        auto& b = steps_[static_cast<std::size_t>(i)];
        auto const append = [&](slice_list const& slices, std::size_t& begin, std::size_t& end) {
            begin = pieces_.size();
            for (auto const& each : slices) layout_.append(program_->plan(), each, element_bytes_, pieces_, begin);
            end = pieces_.size();
        };
        append(s.source, b.source_begin, b.source_end);
        append(s.target, b.target_begin, b.target_end);
        b.bytes = 0;
        auto const from = s.target.empty() ? b.source_begin : b.target_begin, to = s.target.empty() ? b.source_end : b.target_end;
        for (auto k = from; k < to; ++k) b.bytes += pieces_[k].bytes;
    }

    /// Scratch buffers first, then packing memory where the transport cannot gather, then a ring of staging places for
    /// the reductions of each channel.
    void lay_out_scratch() {
        auto const& plan = program_->plan();
        auto const align = std::max(cache_line, alignment_);
        scratch_bytes_ = 0;
        scratch_offsets_.assign(plan.buffers.size(), 0);
        for (std::size_t id = first_scratch_buffer; id < plan.buffers.size(); ++id)
            scratch_offsets_[id] = take(layout_.scratch_size(id) * element_bytes_, alignment_) - layout_.scratch_begin(plan, id) * element_bytes_;
        for (auto const& line : program_->channels()) {
            std::size_t largest = 0, count = 0;
            for (auto const i : line.steps) {
                auto& b = steps_[static_cast<std::size_t>(i)];
                if ((*program_)[i].kind == step_kind::recv_reduce) {
                    largest = std::max(largest, b.bytes);
                    ++count;
                } else if (needs_packing(i)) {
                    b.staging = take(b.bytes, align);
                }
            }
            auto const places = std::min(count, window_);
            auto const stride = (largest + align - 1) / align * align;
            auto const ring = take(places * stride, align);
            std::size_t k = 0;
            for (auto const i : line.steps)
                if ((*program_)[i].kind == step_kind::recv_reduce)
                    steps_[static_cast<std::size_t>(i)].staging = ring + (k++ % places) * stride;
        }
    }
    std::size_t take(std::size_t bytes, std::size_t align) {
        auto const at = (scratch_bytes_ + align - 1) / align * align;
        scratch_bytes_ = at + bytes;
        return at;
    }

    static constexpr std::size_t streams_from = std::size_t{16} << 20, short_traffic = std::size_t{128} << 10, cache_line = 64;

    program const* program_;
    bool gathers_;
    std::size_t window_;
    bound_layout layout_;
    plain_vector<bound_step> steps_;
    plain_vector<bound_piece> pieces_;
    plain_vector<std::size_t> scratch_offsets_;
    plain_vector<bound_piece> contribution_;
    std::size_t contribution_offset_ = 0;
    std::size_t scratch_bytes_ = 0;
    bool was_plain_ = false;
    std::size_t uniform_ = 0;
    std::size_t element_bytes_ = 0, alignment_ = 1;
    std::size_t traffic_ = 0; ///< bytes of all steps
};

} // namespace chorus
