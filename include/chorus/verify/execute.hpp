#pragma once
/// Symbolic execution: the schedules run once, on symbols instead of numbers.

#include <chorus/verify/contract.hpp>
#include <chorus/verify/program.hpp>
#include <chorus/verify/symbol.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace chorus::proof {

/// The memory of all ranks, cell by cell.
class machine {
public:
    explicit machine(program const& all)
        : all_(all),
          symbols_(contribution_count(all.ranks()[0])),
          values_(all.memory(), undefined),
          writers_(all.memory(), -1) {
        for (auto const& in : all.ranks()) fill(in);
    }

    /// Runs the steps in an order in which they may finish (progress.hpp). Stops at a read of what was never written.
    std::optional<fault> run(std::span<std::int32_t const> order) {
        sent_.resize(all_.steps().size());
        for (auto const s : order)
            if (auto wrong = execute(s)) return wrong;
        return std::nullopt;
    }

    symbol value(std::uint32_t cell) const { return values_[cell]; }
    /// The step that wrote a cell last; -1 if none did.
    std::int32_t writer(std::uint32_t cell) const { return writers_[cell]; }
    symbol_table& symbols() { return symbols_; }
    symbol_table const& symbols() const { return symbols_; }

private:
    using cells = std::span<cell_range const>;

    void fill(schedule const& in) {
        auto const set = [&](buffer_id buffer, std::size_t k, std::int32_t contribution) {
            auto const [begin, end] = all_.block(in.rank, buffer, k);
            std::fill(values_.begin() + begin, values_.begin() + end, symbol_table::leaf(contribution));
        };
        for (std::size_t k = 0; k < in.buffers[input_buffer].blocks.size(); ++k) set(input_buffer, k, input_of(in, k));
        for (std::size_t k = 0; k < in.buffers[output_buffer].blocks.size(); ++k)
            if (auto const start = output_at_start(in, k)) set(output_buffer, k, *start);
    }

    std::optional<fault> execute(std::int32_t s) {
        auto const& step = all_[s];
        auto const& sent = sent_[static_cast<std::size_t>(step.partner < 0 ? 0 : step.partner)];
        switch (step.text->kind) {
        case step_kind::send:
            return send(s);
        case step_kind::recv:
            write(s, std::span(under_way_).subspan(sent));
            return std::nullopt;
        case step_kind::recv_reduce:
            return fold(s, all_.source(step), std::span(under_way_).subspan(sent));
        case step_kind::copy:
            if (auto wrong = read(s, all_.source(step), data_)) return wrong;
            write(s, data_);
            return std::nullopt;
        case step_kind::reduce:
            if (auto wrong = read(s, all_.source(step), data_)) return wrong;
            return fold(s, all_.target(step), data_);
        case step_kind::finish:
            return finish(s);
        }
        return std::nullopt;
    }

    /// Appends what the cells hold to `data`.
    std::optional<fault> append(std::int32_t s, cells from, std::vector<symbol>& data) {
        for (auto const& range : from)
            for (auto cell = range.begin; cell < range.end; ++cell) {
                if (values_[cell] == undefined) return unwritten(s, cell);
                data.push_back(values_[cell]);
            }
        return std::nullopt;
    }
    std::optional<fault> read(std::int32_t s, cells from, std::vector<symbol>& data) {
        data.clear();
        return append(s, from, data);
    }
    void write(std::int32_t s, std::span<symbol const> data) {
        auto next = data.begin();
        for (auto const& range : all_.target(all_[s]))
            for (auto cell = range.begin; cell < range.end; ++cell) {
                values_[cell] = *next++;
                writers_[cell] = s;
            }
    }

    std::optional<fault> send(std::int32_t s) {
        sent_[static_cast<std::size_t>(s)] = under_way_.size();
        return append(s, all_.source(all_[s]), under_way_);
    }
    /// target = own op arrived, or arrived op own.
    std::optional<fault> fold(std::int32_t s, cells own, std::span<symbol const> arrived) {
        auto const to_the_right = all_[s].text->received == side::right;
        if (auto wrong = read(s, own, own_)) return wrong;
        for (std::size_t i = 0; i < own_.size(); ++i)
            own_[i] = to_the_right ? symbols_.fold(own_[i], arrived[i], s) : symbols_.fold(arrived[i], own_[i], s);
        write(s, own_);
        return std::nullopt;
    }
    std::optional<fault> finish(std::int32_t s) {
        if (auto wrong = read(s, all_.target(all_[s]), data_)) return wrong;
        for (auto& each : data_) each = symbols_.finish(each, s);
        write(s, data_);
        return std::nullopt;
    }

    fault unwritten(std::int32_t s, std::uint32_t cell) const {
        auto const& step = all_[s];
        return fault_at(all_.of(step), step.index,
                        "reads " + all_.name_of_cell(step.rank, cell) + ", which was never written");
    }

    program const& all_;
    symbol_table symbols_;
    std::vector<symbol> values_;        // by memory cell
    std::vector<std::int32_t> writers_; // by memory cell
    std::vector<symbol> under_way_;     // all that was sent
    std::vector<std::size_t> sent_;     // by sending step: where what it sent begins
    std::vector<symbol> data_, own_;    // operands of the step at hand
};

} // namespace chorus::proof
