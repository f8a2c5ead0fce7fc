#pragma once
/// Schedules run on numbers, step by step as they stand, with sends that buffer: a second opinion, which shares no code
/// with the verifier beyond `resolve`.

#include <chorus/schedule/schedule.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>
#include <vector>

namespace verify_test {

using namespace chorus;

/// x -> a x + b modulo 2^64. Doing one after the other is associative and does not commute; with a = 1 it does.
struct affine {
    std::uint64_t a = 1, b = 0;
    friend bool operator==(affine const&, affine const&) = default;
    friend affine operator*(affine const& f, affine const& g) { return {f.a * g.a, f.a * g.b + f.b}; }
};
using numbers = std::vector<std::optional<affine>>; // nothing: never written

/// The contribution of a rank to an element of a block; `commuting` operands only, where order must not matter.
inline affine contribution(int rank, std::int32_t block, std::size_t element, bool commuting) {
    auto mixed = static_cast<std::uint64_t>(rank + 1) * 0x9e3779b97f4a7c15u +
                 static_cast<std::uint64_t>(block) * 0xbf58476d1ce4e5b9u + element * 0x94d049bb133111ebu;
    mixed = (mixed ^ mixed >> 31) * 0xd6e8feb86659fd93u;
    return {commuting ? 1 : (mixed >> 7) | 1, mixed};
}

class number_run {
public:
    number_run(std::vector<schedule> const& ranks, std::vector<std::size_t> lengths, bool commuting)
        : ranks_(ranks),
          lengths_(std::move(lengths)),
          commuting_(commuting) {
        for (auto const& in : ranks_) {
            auto& buffers = memory_.emplace_back();
            for (auto const& shape : in.buffers) buffers.emplace_back(elements(shape));
            for (std::size_t k = 0; k < in.buffers[0].blocks.size(); ++k)
                fill(in, input_buffer, k, in.rank, in.buffers[0].blocks[k]);
            if (in.what == collective::broadcast && in.rank == in.root) fill(in, output_buffer, 0, in.rank, 0);
        }
    }

    /// Did every step run, and is every result as it should be? Out of place only.
    bool right() { return run() && results_are_right(); }

private:
    std::size_t elements(buffer_shape const& shape) const {
        std::size_t total = 0;
        for (auto const block : shape.blocks) total += lengths_[static_cast<std::size_t>(block)];
        return total;
    }
    std::size_t at(schedule const& in, buffer_id buffer, position const& point) const {
        auto const& blocks = in.buffers[static_cast<std::size_t>(buffer)].blocks;
        std::size_t total = 0;
        for (std::int32_t k = 0; k < point.block; ++k)
            total += lengths_[static_cast<std::size_t>(blocks[static_cast<std::size_t>(k)])];
        if (point.numerator == 0) return total;
        return total +
               resolve(point, lengths_[static_cast<std::size_t>(blocks[static_cast<std::size_t>(point.block)])]);
    }
    numbers& buffer(schedule const& in, buffer_id id) {
        return memory_[static_cast<std::size_t>(in.rank)][static_cast<std::size_t>(id)];
    }
    void fill(schedule const& in, buffer_id id, std::size_t k, int rank, std::int32_t block) {
        auto const first = at(in, id, {static_cast<std::int32_t>(k), 0, 1});
        for (std::size_t i = 0; i < lengths_[static_cast<std::size_t>(block)]; ++i)
            buffer(in, id)[first + i] = contribution(rank, block, i, commuting_);
    }

    numbers read(schedule const& in, slice_list const& data) {
        numbers result;
        for (auto const& each : data)
            for (auto i = at(in, each.buffer, each.begin); i < at(in, each.buffer, each.end); ++i)
                result.push_back(buffer(in, each.buffer).at(i));
        return result;
    }
    bool write(schedule const& in, slice_list const& to, numbers const& data) {
        auto next = data.begin();
        for (auto const& each : to)
            for (auto i = at(in, each.buffer, each.begin); i < at(in, each.buffer, each.end); ++i) {
                if (next == data.end()) return false;
                buffer(in, each.buffer).at(i) = *next++;
            }
        return next == data.end();
    }
    static numbers fold(numbers const& own, numbers const& other, side received) {
        numbers result(own.size());
        for (std::size_t i = 0; i < own.size() && i < other.size(); ++i)
            if (own[i] && other[i]) result[i] = received == side::right ? *own[i] * *other[i] : *other[i] * *own[i];
        return result;
    }

    /// Runs ranks in turn, each as far as it comes. False if they do not come to their ends or sizes differ.
    bool run() {
        std::vector<std::size_t> next(ranks_.size(), 0);
        for (bool moved = true; moved;) {
            moved = false;
            for (auto const& in : ranks_)
                for (auto& i = next[static_cast<std::size_t>(in.rank)]; i < in.steps.size(); ++i, moved = true) {
                    auto const& s = in.steps[i];
                    if (s.receives() && under_way_[{s.peer, in.rank, s.lane}].empty()) break;
                    if (!execute(in, s)) return false;
                }
        }
        for (auto const& in : ranks_)
            if (next[static_cast<std::size_t>(in.rank)] < in.steps.size()) return false;
        for (auto const& [channel, messages] : under_way_)
            if (!messages.empty()) return false;
        return true;
    }
    bool execute(schedule const& in, step const& s) {
        if (s.kind == step_kind::send) {
            under_way_[{in.rank, s.peer, s.lane}].push_back(read(in, s.source));
            return true;
        }
        numbers arrived;
        if (s.receives()) {
            auto& queue = under_way_[{s.peer, in.rank, s.lane}];
            arrived = queue.front();
            queue.pop_front();
            if (s.kind == step_kind::recv) return write(in, s.target, arrived);
            auto const own = read(in, s.source);
            return own.size() == arrived.size() && write(in, s.target, fold(own, arrived, s.received));
        }
        auto const source = read(in, s.source);
        if (s.kind == step_kind::copy) return write(in, s.target, source);
        return write(in, s.target, fold(read(in, s.target), source, s.received));
    }

    bool results_are_right() {
        for (auto const& in : ranks_)
            for (std::size_t k = 0; k < in.buffers[1].blocks.size(); ++k) {
                auto const block = in.buffers[1].blocks[k];
                for (std::size_t i = 0; i < lengths_[static_cast<std::size_t>(block)]; ++i)
                    if (buffer(in, output_buffer)[at(in, output_buffer, {static_cast<std::int32_t>(k), 0, 1}) + i] !=
                        wanted(in, block, i))
                        return false;
            }
        return true;
    }
    affine wanted(schedule const& in, std::int32_t block, std::size_t i) const {
        if (in.what == collective::broadcast) return contribution(in.root, block, i, commuting_);
        if (in.what == collective::all_to_all) return contribution(block / in.ranks, block, i, commuting_);
        if (in.what == collective::all_gather) return contribution(block, block, i, commuting_);
        auto const last = in.what == collective::scan ? in.rank : in.ranks - 1;
        affine result;
        for (int rank = 0; rank <= last; ++rank) result = result * contribution(rank, block, i, commuting_);
        return result;
    }

    std::vector<schedule> const& ranks_;
    std::vector<std::size_t> lengths_;
    bool commuting_;
    std::vector<std::vector<numbers>> memory_;
    std::map<std::tuple<int, int, int>, std::deque<numbers>> under_way_;
};

} // namespace verify_test
