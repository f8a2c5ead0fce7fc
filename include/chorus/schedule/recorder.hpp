#pragma once
/// The recorder: the sink that turns an algorithm into a schedule.
///
/// Three things happen on the way, none of which an algorithm needs to know about:
///   - every step gets its predecessors (schedule/hazard.hpp);
///   - long messages are cut into `segments` steps each, so that one segment is folded and passed on while the next
///     arrives;
///   - a copy *from the caller's input* is not made but remembered: reads of the copy go to the input until it is
///     overwritten, a fold takes its operand from there, and only what remains unwritten in the output is copied at
///     the end. Out-of-place calls so move no byte more than in-place ones.

#include <chorus/core/compiled.hpp>
#include <chorus/core/errors.hpp>
#include <chorus/schedule/hazard.hpp>
#include <chorus/schedule/mirrors.hpp>
#include <chorus/schedule/record_sink.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

/// Collects the steps of one rank. Not copied; algorithms see it through `record_sink`.
class recorder {
public:
    /// `input` and `output` are the blocks that the caller's buffers consist of (schedule.hpp, buffer_shape).
    recorder(collective what, int rank, int ranks, std::vector<std::int32_t> input, std::vector<std::int32_t> output,
             int segments = 1)
        : segments_(segments) {
        result_.what = what;
        result_.rank = rank;
        result_.ranks = ranks;
        result_.segments = segments;
        add_buffer(std::move(input));
        add_buffer(std::move(output));
    }
    recorder(recorder const&) = delete;
    recorder& operator=(recorder const&) = delete;

    int rank() const { return result_.rank; }
    int ranks() const { return result_.ranks; }
    /// Everything that a caller's buffer holds, block by block.
    slice whole(buffer_id buffer) const {
        auto const& shape = result_.buffers[static_cast<std::size_t>(buffer)];
        return {buffer, shape.begin, shape.end};
    }

    void message(step_kind kind, int peer, std::uint8_t lane, slice_list const& data, side received) {
        if (peer == rank() || peer < 0 || peer >= ranks())
            detail::misuse({"rank ", rank(), " cannot exchange messages with rank ", peer, " of ", ranks()});
        step whole;
        whole.kind = kind;
        whole.peer = peer;
        whole.lane = lane;
        whole.received = received;
        if (kind != step_kind::recv) whole.source = data;
        if (kind != step_kind::send) whole.target = data;
        append(whole);
    }
    void local(step_kind kind, slice_list const& source, slice_list const& target, side received) {
        step whole;
        whole.kind = kind;
        whole.received = received;
        whole.source = source;
        whole.target = target;
        append(whole);
    }
    /// Memory of the same shape as `data`; consecutive whole blocks share one buffer.
    slice_list scratch(slice_list const& data) {
        slice_list result;
        for (auto const& each : data) {
            auto const& blocks = result_.buffers[static_cast<std::size_t>(each.buffer)].blocks;
            auto const first = each.begin.block;
            buffer_shape shape;
            shape.blocks.assign(blocks.begin() + first, blocks.begin() + each.end.ceiling());
            shape.begin = {0, each.begin.numerator, each.begin.denominator};
            shape.end = {each.end.block - first, each.end.numerator, each.end.denominator};
            result += slice{static_cast<buffer_id>(result_.buffers.size()), shape.begin, shape.end};
            result_.buffers.push_back(std::move(shape));
        }
        return result;
    }
    /// Scratch for blocks of the collective that no buffer here holds: those of other ranks, in transit.
    slice_list scratch_blocks(std::vector<std::int32_t> blocks) {
        auto const id = static_cast<buffer_id>(result_.buffers.size());
        add_buffer(std::move(blocks));
        return whole(id);
    }

    /// Ends the recording: what is still only remembered of the output is copied now.
    schedule finish() && {
        for (auto const& each : mirrors_.all())
            if (each.copy.buffer == output_buffer) commit_copy(each.original, each.copy, next_index_++, 0);
        shrink_scratch();
        return std::move(result_);
    }

private:
    void add_buffer(std::vector<std::int32_t> blocks) {
        auto const count = static_cast<std::int32_t>(blocks.size());
        result_.buffers.push_back({std::move(blocks), {0, 0, 1}, {count, 0, 1}});
    }

    void append(step const& whole) {
        auto const cuts = whole.source.empty() && whole.target.empty() ? 1 : segments_;
        auto const index = next_index_++;
        for (int k = 0; k < cuts; ++k) {
            auto part = whole;
            part.index = index;
            part.segment = k;
            part.source = whole.source.segment(k, cuts);
            part.target = whole.target.segment(k, cuts);
            if (cuts > 1 && part.source.empty() && part.target.empty()) continue;
            append_segment(std::move(part));
        }
    }

    void append_segment(step part) {
        if (part.kind == step_kind::copy && mirrors_.remember(part)) return;
        if (part.kind == step_kind::reduce || part.kind == step_kind::finish) materialise(part.target, part);
        part.source = mirrors_.originals(part.source);
        for (auto const& written : part.target) mirrors_.forget(written);
        commit(std::move(part));
    }

    void commit(step part) {
        auto const index = static_cast<std::int32_t>(result_.steps.size());
        result_.predecessors.push_back(hazards_.add(index, part));
        result_.steps.push_back(std::move(part));
    }

    /// Makes the remembered copies under `data` real: a step is about to fold into them.
    void materialise(slice_list const& data, step const& reason) {
        for (auto const& each : data)
            for (auto const* found = mirrors_.first_in(each); found != nullptr; found = mirrors_.first_in(each)) {
                auto const part = found->within(each);
                mirrors_.forget(part.copy);
                commit_copy(part.original, part.copy, reason.index, reason.segment);
            }
    }
    void commit_copy(slice const& from, slice const& to, std::int32_t index, std::int32_t segment) {
        step copy;
        copy.index = index;
        copy.segment = segment;
        copy.source = from;
        copy.target = to;
        commit(std::move(copy));
    }

    /// Scratch gets memory for what the steps touch only: a gather's inner ranks never see most blocks.
    void shrink_scratch() {
        std::vector<bool> touched(result_.buffers.size(), false);
        auto const touch = [&](slice const& s) {
            auto const id = static_cast<std::size_t>(s.buffer);
            if (s.buffer < first_scratch_buffer || s.begin == s.end) return;
            auto& shape = result_.buffers[id];
            if (!touched[id] || s.begin < shape.begin) shape.begin = s.begin;
            if (!touched[id] || shape.end < s.end) shape.end = s.end;
            touched[id] = true;
        };
        for (auto const& each : result_.steps) {
            for (auto const& s : each.source) touch(s);
            for (auto const& s : each.target) touch(s);
        }
        for (std::size_t id = first_scratch_buffer; id < touched.size(); ++id)
            if (!touched[id]) result_.buffers[id].end = result_.buffers[id].begin;
    }

    schedule result_;
    hazard_tracker hazards_;
    mirrors mirrors_;
    std::int32_t next_index_ = 0;
    int segments_;
};

#if CHORUS_DEFINE
CHORUS_INLINE record_sink::record_sink(recorder& into) : recorder_(&into), rank_(into.rank()), size_(into.ranks()) {}

CHORUS_INLINE void record_sink::send(int peer, slice_list const& data) {
    recorder_->message(step_kind::send, global(peer), lane_, data, side::right);
}
CHORUS_INLINE void record_sink::recv(int peer, slice_list const& data) {
    recorder_->message(step_kind::recv, global(peer), lane_, data, side::right);
}
CHORUS_INLINE void record_sink::recv_reduce(int peer, slice_list const& data, side received) {
    recorder_->message(step_kind::recv_reduce, global(peer), lane_, data, received);
}
CHORUS_INLINE void record_sink::copy(slice_list const& from, slice_list const& to) {
    recorder_->local(step_kind::copy, from, to, side::right);
}
CHORUS_INLINE void record_sink::reduce(slice_list const& from, slice_list const& into, side received) {
    recorder_->local(step_kind::reduce, from, into, received);
}
CHORUS_INLINE void record_sink::finish(slice_list const& data) { recorder_->local(step_kind::finish, {}, data, side::right); }
CHORUS_INLINE slice_list record_sink::scratch(slice_list const& data) { return recorder_->scratch(data); }
CHORUS_INLINE slice_list record_sink::scratch_blocks(std::vector<std::int32_t> blocks) { return recorder_->scratch_blocks(std::move(blocks)); }

CHORUS_INLINE record_sink record_sink::on_lane(int lane) const {
    if (lane < 0 || lane > 3) detail::misuse({"there is no lane ", lane, ": lanes are 0 to 3"});
    auto other = *this;
    other.lane_ = static_cast<std::uint8_t>(lane);
    return other;
}
CHORUS_INLINE record_sink record_sink::subset(std::vector<int> const& members) const {
    auto other = *this;
    auto mapped = std::make_shared<std::vector<int>>();
    other.rank_ = -1;
    for (auto const member : members) {
        if (member == rank_) other.rank_ = static_cast<int>(mapped->size());
        mapped->push_back(global(member));
    }
    if (other.rank_ < 0) detail::misuse({"a rank asked for a subset of ranks that it is not a member of"});
    other.size_ = static_cast<int>(members.size());
    other.members_ = std::move(mapped);
    return other;
}
CHORUS_INLINE int record_sink::global(int peer) const {
    if (peer < 0 || peer >= size_) detail::misuse({"peer ", peer, " of ", size_});
    return members_ ? (*members_)[static_cast<std::size_t>(peer)] : peer;
}
#endif

} // namespace chorus
