#pragma once
/// The one rule of overlap: two steps are ordered if, and only if, they share a slice that either of them writes.
/// Recorder, executor (through the recorder's dependencies) and verifier all use this file.

#include <chorus/core/plain_vector.hpp>
#include <chorus/schedule/step.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace chorus {

/// Calls `visit(slice)` for every slice that the step reads.
template <class Visit>
void for_each_read(step const& s, Visit visit) {
    for (auto const& each : s.source) visit(each);
    if (s.kind == step_kind::reduce || s.kind == step_kind::finish)
        for (auto const& each : s.target) visit(each);
}
/// Calls `visit(slice)` for every slice that the step writes.
template <class Visit>
void for_each_written(step const& s, Visit visit) {
    for (auto const& each : s.target) visit(each);
}

/// The rule itself, for two steps: what the tests compare `hazard_tracker` with.
inline bool must_be_ordered(step const& a, step const& b) {
    bool ordered = false;
    auto const against = [&](slice const& mine) {
        return [&ordered, &mine](slice const& theirs) { ordered = ordered || overlap(mine, theirs); };
    };
    for_each_written(a, [&](slice const& w) {
        for_each_read(b, against(w));
        for_each_written(b, against(w));
    });
    for_each_read(a, [&](slice const& r) { for_each_written(b, against(r)); });
    return ordered;
}

/// The same rule for a growing sequence of steps. For each new step it tells the earlier ones that it must wait for,
/// without those that are implied by others through the same slice. Cost: O(log k + hits) per slice, for k intervals.
class hazard_tracker {
public:
    /// Appends step `index` and returns its predecessors, ascending, without duplicates.
    std::vector<std::int32_t> add(std::int32_t index, step const& s) {
        std::vector<std::int32_t> before;
        for_each_read(s, [&](slice const& r) {
            for (auto& part : cells_of(r))
                if (part.writer >= 0 && part.writer != index) before.push_back(part.writer);
        });
        for_each_written(s, [&](slice const& w) {
            for (auto& part : cells_of(w)) {
                if (part.writer >= 0 && part.writer != index) before.push_back(part.writer);
                for (auto at = part.readers; at >= 0; at = reads_[static_cast<std::size_t>(at)].next)
                    if (auto const reader = reads_[static_cast<std::size_t>(at)].step; reader != index) before.push_back(reader);
            }
        });
        for_each_read(s, [&](slice const& r) {
            for (auto& part : cells_of(r)) {
                if (part.readers >= 0 && reads_[static_cast<std::size_t>(part.readers)].step == index) continue;
                reads_.push_back({index, part.readers});
                part.readers = static_cast<std::int32_t>(reads_.size()) - 1;
            }
        });
        for_each_written(s, [&](slice const& w) {
            for (auto& part : cells_of(w)) {
                part.writer = index;
                part.readers = -1;
            }
        });
        std::sort(before.begin(), before.end());
        before.erase(std::unique(before.begin(), before.end()), before.end());
        return before;
    }

private:
    /// A step that has read, and the place in reads_ of the reader before it; -1: there is none.
    struct read {
        std::int32_t step;
        std::int32_t next;
    };
    /// An interval of a buffer, its last writer, and those who have read it since. Cells that were one share readers.
    struct cell {
        position begin, end;
        std::int32_t writer = -1;
        std::int32_t readers = -1; ///< the last reader's place in reads_
    };

    /// The cells that tile the slice exactly, splitting and adding as needed. Valid until the next call.
    std::span<cell> cells_of(slice const& s) {
        if (static_cast<std::size_t>(s.buffer) >= buffers_.size()) buffers_.resize(static_cast<std::size_t>(s.buffer) + 1);
        auto& cells = buffers_[static_cast<std::size_t>(s.buffer)];
        split(cells, s.begin);
        split(cells, s.end);
        auto const first = lower(cells, s.begin);
        auto at = first;
        for (auto from = s.begin; from < s.end; ++at) { // fill what no step has touched yet
            if (at == cells.size() || s.end <= cells[at].begin) cells.insert(at, {from, s.end});
            else if (from < cells[at].begin) cells.insert(at, {from, cells[at].begin});
            from = cells[at].end;
        }
        return {cells.data() + first, at - first};
    }
    /// Index of the first cell that ends after the point.
    static std::size_t lower(plain_vector<cell> const& cells, position const& at) {
        auto const found = std::partition_point(cells.begin(), cells.end(), [&](cell const& c) { return c.end <= at; });
        return static_cast<std::size_t>(found - cells.begin());
    }
    static void split(plain_vector<cell>& cells, position const& at) {
        auto const k = lower(cells, at);
        if (k == cells.size() || !(cells[k].begin < at)) return;
        auto rest = cells[k];
        rest.begin = at;
        cells[k].end = at;
        cells.insert(k + 1, rest);
    }

    std::vector<plain_vector<cell>> buffers_;
    plain_vector<read> reads_;
};

} // namespace chorus
