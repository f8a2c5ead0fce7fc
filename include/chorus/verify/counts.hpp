#pragma once
/// The proof in symbols once more in numbers: for given lengths of the blocks, both ends of every message have equally
/// many elements and every step stays inside of its buffers. It guards what the proof takes for granted: `resolve`.

#include <chorus/schedule/schedule.hpp>
#include <chorus/verify/messages.hpp>
#include <chorus/verify/program.hpp>
#include <chorus/verify/wellformed.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace chorus {

/// Lengths of the blocks of a collective, in elements: one number for all_reduce, broadcast, reduce and the scans, p
/// for the collectives with a block per rank, p * p for all_to_all (schedule.hpp, buffer_shape).
using counts_of_blocks = std::vector<std::size_t>;

/// Lengths that a schedule should be tried with: 0, 1, p - 1, p, p + 1 and 3 p + 2 elements per block, and, where
/// blocks may differ, uneven ones, some of them empty. Precondition: `ranks` is not empty.
inline std::vector<counts_of_blocks> typical_lengths(std::span<schedule const> ranks) {
    auto const p = ranks.size();
    auto const what = ranks[0].what;
    if (what == collective::barrier) return {{0}};
    auto const blocks = what == collective::all_to_all ? p * p : has_blocks(what) ? p : 1;
    std::vector<counts_of_blocks> result;
    for (auto const n : {std::size_t{0}, std::size_t{1}, p - 1, p, p + 1, 3 * p + 2}) result.emplace_back(blocks, n);
    if (!has_blocks(what) || proof::blocks_are_equal(ranks)) return result;
    counts_of_blocks uneven(blocks), only_one(blocks, 0);
    for (std::size_t b = 0; b < blocks; ++b) uneven[b] = b * 7 % 11 * (b % 3);
    only_one[blocks / 2] = 3 * p + 2;
    result.push_back(uneven);
    result.push_back(only_one);
    return result;
}

namespace proof {

/// The schedules bound to lengths: which element of a buffer a point is.
class bound_program {
public:
    bound_program(program const& all, counts_of_blocks const& lengths) : all_(all), lengths_(lengths) {
        for (auto const& in : all.ranks()) {
            first_buffer_.push_back(first_block_.size());
            for (auto const& shape : in.buffers) {
                first_block_.push_back(offsets_.size());
                std::size_t offset = 0;
                for (auto const block : shape.blocks) {
                    offsets_.push_back(offset);
                    offset += lengths[static_cast<std::size_t>(block)];
                }
                offsets_.push_back(offset);
            }
        }
    }

    std::optional<fault> check() const {
        for (auto const& s : all_.steps())
            if (auto wrong = check(s)) return wrong;
        return std::nullopt;
    }

private:
    /// Elements of the buffer before a point of it.
    std::size_t offset(schedule const& in, buffer_id buffer, position const& point) const {
        auto const b = static_cast<std::size_t>(buffer), k = static_cast<std::size_t>(point.block);
        auto const start = offsets_[first_block_[first_buffer_[static_cast<std::size_t>(in.rank)] + b] + k];
        if (point.numerator == 0) return start;
        return start + resolve(point, lengths_[static_cast<std::size_t>(in.buffers[b].blocks[k])]);
    }
    std::size_t elements(schedule const& in, slice_list const& data) const {
        std::size_t total = 0;
        for (auto const& each : data) total += offset(in, each.buffer, each.end) - offset(in, each.buffer, each.begin);
        return total;
    }
    bool inside(schedule const& in, slice_list const& data) const {
        for (auto const& each : data) {
            auto const& shape = in.buffers[static_cast<std::size_t>(each.buffer)];
            auto const begin = offset(in, each.buffer, each.begin), end = offset(in, each.buffer, each.end);
            if (begin == end) continue;
            if (begin > end || begin < offset(in, each.buffer, shape.begin) || end > offset(in, each.buffer, shape.end))
                return false;
        }
        return true;
    }

    std::optional<fault> check(placed_step const& s) const {
        auto const& in = all_.of(s);
        auto const& text = *s.text;
        if (!inside(in, text.source) || !inside(in, text.target))
            return fault_at(in, s.index, "runs out of its buffer");
        auto const taken = elements(in, text.target);
        auto const two_sided = !text.source.empty() && !text.target.empty();
        if (two_sided && elements(in, text.source) != taken)
            return fault_at(in, s.index,
                            "takes " + std::to_string(elements(in, text.source)) + " elements and writes " +
                                std::to_string(taken));
        if (!text.receives()) return std::nullopt;
        auto const& sender = all_[s.partner];
        auto const sent = elements(all_.of(sender), sender.text->source);
        if (sent == taken) return std::nullopt;
        return fault_at(in, s.index,
                        "expects " + std::to_string(taken) + " elements, and rank " + std::to_string(sender.rank) +
                            " sends " + std::to_string(sent) + " in its " +
                            name_of_step(all_.of(sender), sender.index));
    }

    program const& all_;
    counts_of_blocks const& lengths_;
    std::vector<std::size_t> first_buffer_; // rank -> its first buffer in the next
    std::vector<std::size_t> first_block_;  // buffer -> its first block in the next
    std::vector<std::size_t> offsets_;      // block of a buffer -> elements before it; one more per buffer
};

/// How many blocks the lengths must name.
inline std::size_t blocks_used(std::span<schedule const> ranks) {
    std::size_t blocks = 0;
    for (auto const& in : ranks)
        for (auto const& shape : in.buffers)
            for (auto const block : shape.blocks) blocks = std::max(blocks, static_cast<std::size_t>(block) + 1);
    return blocks;
}

} // namespace proof

/// Tries the schedules with each of these lengths. Returns what is wrong, in words, or nothing.
inline std::optional<std::string> check_counts(std::span<schedule const> ranks,
                                               std::span<counts_of_blocks const> lengths) {
    if (auto const bad = proof::malformed(ranks)) return bad->text;
    proof::program all(ranks);
    if (auto const alone = proof::pair_messages(all)) return alone->text;
    for (auto const& each : lengths) {
        if (each.size() < proof::blocks_used(ranks)) return "there are more blocks than lengths of blocks";
        if (auto const bad = proof::bound_program(all, each).check()) return bad->text;
    }
    return std::nullopt;
}
inline std::optional<std::string> check_counts(std::span<schedule const> ranks, counts_of_blocks const& lengths) {
    return check_counts(ranks, std::span(&lengths, 1));
}

} // namespace chorus
