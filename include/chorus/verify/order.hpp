#pragma once
/// The dependencies themselves: wherever two steps of a rank share a cell that either writes (schedule/hazard.hpp), the
/// later must wait for the earlier, directly or through others. Checked without the recorder's own bookkeeping.
/// It is enough to look, cell by cell, at each reader against the last writer and at each writer against the last
/// writer and the readers since: all other pairs follow.

#include <chorus/verify/explain.hpp>
#include <chorus/verify/program.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace chorus::proof {

class order_check {
public:
    explicit order_check(program const& all) : all_(all), writers_(all.memory(), -1), readers_(all.memory(), -1) {}

    std::optional<fault> run() {
        for (auto const& in : all_.ranks()) {
            find_ancestors(in);
            for (std::int32_t i = 0; i < static_cast<std::int32_t>(in.steps.size()); ++i) {
                auto const before = check(all_[all_.first_step(in.rank) + i]);
                if (before >= 0)
                    return fault_at(in, i,
                                    "does not wait for " + name_of_step(in, before) + ", although they share data");
            }
        }
        return std::nullopt;
    }

private:
    struct reading {
        std::int32_t step, older; ///< older: index of the reading of the same cell before this one
    };

    /// Row i of bits: all steps that step i waits for.
    void find_ancestors(schedule const& in) {
        words_ = (in.steps.size() + 63) / 64;
        ancestors_.assign(in.steps.size() * words_, 0);
        for (std::size_t i = 0; i < in.steps.size(); ++i)
            for (auto const before : in.predecessors[i]) {
                auto const j = static_cast<std::size_t>(before);
                for (std::size_t w = 0; w <= j / 64; ++w) ancestors_[i * words_ + w] |= ancestors_[j * words_ + w];
                ancestors_[i * words_ + j / 64] |= std::uint64_t{1} << (j % 64);
            }
    }
    bool waits(std::int32_t later, std::int32_t earlier) const {
        auto const i = static_cast<std::size_t>(later), j = static_cast<std::size_t>(earlier);
        return earlier < 0 || later == earlier || (ancestors_[i * words_ + j / 64] >> (j % 64) & 1) != 0;
    }

    /// Returns an earlier step that this one ought to wait for and does not; -1 if there is none.
    std::int32_t check(placed_step const& s) {
        auto const reads_target = s.text->kind == step_kind::reduce || s.text->kind == step_kind::finish;
        auto missing = check_reads(s.index, all_.source(s));
        if (missing < 0 && reads_target) missing = check_reads(s.index, all_.target(s));
        return missing < 0 ? check_writes(s.index, all_.target(s)) : missing;
    }
    std::int32_t check_reads(std::int32_t index, std::span<cell_range const> cells) {
        for (auto const& range : cells)
            for (auto cell = range.begin; cell < range.end; ++cell) {
                if (!waits(index, writers_[cell])) return writers_[cell];
                readings_.push_back({index, readers_[cell]});
                readers_[cell] = static_cast<std::int32_t>(readings_.size()) - 1;
            }
        return -1;
    }
    std::int32_t check_writes(std::int32_t index, std::span<cell_range const> cells) {
        for (auto const& range : cells)
            for (auto cell = range.begin; cell < range.end; ++cell) {
                if (!waits(index, writers_[cell])) return writers_[cell];
                for (auto r = readers_[cell]; r >= 0; r = readings_[static_cast<std::size_t>(r)].older)
                    if (!waits(index, readings_[static_cast<std::size_t>(r)].step))
                        return readings_[static_cast<std::size_t>(r)].step;
                writers_[cell] = index;
                readers_[cell] = -1;
            }
        return -1;
    }

    program const& all_;
    std::size_t words_ = 0;
    std::vector<std::uint64_t> ancestors_;
    std::vector<std::int32_t> writers_; // by memory cell: index of the last step of its rank that wrote it
    std::vector<std::int32_t> readers_; // by memory cell: its latest reading since, in `readings_`
    std::vector<reading> readings_;
};

} // namespace chorus::proof
