#pragma once
/// After the symbolic execution: does every result hold every contribution exactly once, and in which order?

#include <chorus/verify/contract.hpp>
#include <chorus/verify/execute.hpp>
#include <chorus/verify/explain.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chorus::proof {

/// What the results have in common.
struct result_summary {
    int roundings = 0;             ///< most roundings on the path of a contribution into a result
    bool keeps_order = true;       ///< everywhere from the lowest rank to the highest
    bool same_on_all_ranks = true; ///< equal expressions, up to the sides of the operands
    bool one_fixed_tree = true;    ///< every result is folded along symbol_table::reference_tree
};

class result_check {
public:
    result_check(program const& all, machine& after, bool must_keep_order)
        : all_(all),
          after_(after),
          symbols_(after.symbols()),
          must_keep_order_(must_keep_order) {
        for (auto const& s : all.steps()) finishes_ = finishes_ || s.text->kind == step_kind::finish;
    }

    std::optional<fault> run() {
        first_tree_.assign(all_.grid().size(), 0);
        for (auto const& in : all_.ranks())
            for (std::size_t k = 0; k < in.buffers[output_buffer].blocks.size(); ++k) {
                auto const wanted = output_at_end(in, k);
                if (!wanted) continue;
                auto const [begin, end] = all_.block(in.rank, output_buffer, k);
                for (auto cell = begin; cell < end; ++cell)
                    if (auto wrong = check(in, cell, *wanted)) return wrong;
            }
        return std::nullopt;
    }
    result_summary const& summary() const { return summary_; }

private:
    std::optional<fault> check(schedule const& in, std::uint32_t cell, contributions wanted) {
        auto const value = after_.value(cell);
        if (value == undefined) return place(in, cell, missing(in, cell, wanted.first));
        auto const& facts = symbols_[value];
        if (facts.twice) return twice(in, cell, value);
        if (facts.lowest < wanted.first || facts.highest >= wanted.last) return foreign(in, cell, value, wanted);
        if (facts.weight != static_cast<std::uint32_t>(wanted.last - wanted.first))
            return incomplete(in, cell, value, wanted);
        if (facts.folded_late || facts.finished != (finishes_ && folds(in.what))) return finish_wrong(in, cell, value);
        if (must_keep_order_ && !facts.in_order) return out_of_order(in, cell, value);
        summarise(in, cell, facts, wanted);
        return std::nullopt;
    }

    void summarise(schedule const& in, std::uint32_t cell, symbol_facts const& facts, contributions wanted) {
        summary_.roundings = std::max(summary_.roundings, facts.depth);
        summary_.keeps_order = summary_.keeps_order && facts.in_order;
        if (in.what == collective::all_reduce) {
            auto& first = first_tree_[all_.shape_of(cell)];
            if (first == 0) first = facts.tree;
            summary_.same_on_all_ranks = summary_.same_on_all_ranks && first == facts.tree;
        }
        if (!summary_.one_fixed_tree) return;
        auto reference = reference_tree(wanted);
        if (facts.finished) reference = symbols_.finished_tree(reference);
        summary_.one_fixed_tree = reference == facts.tree;
    }
    std::uint32_t reference_tree(contributions wanted) {
        if (known_tree_ == 0 || wanted.first != known_for_.first || wanted.last != known_for_.last) {
            known_tree_ = symbols_.reference_tree(wanted.first, wanted.last);
            known_for_ = wanted;
        }
        return known_tree_;
    }

    /// "the contribution of rank 2 to part 1/4..1/2", "part 1/4..1/2 of rank 0", "block 3"
    std::string contribution(schedule const& in, int number, std::uint32_t cell) const {
        auto const part = all_.name_of_cell(in.rank, cell);
        if (folds(in.what)) return "the contribution of rank " + std::to_string(number) + " to " + part;
        if (!has_blocks(in.what)) return part + " of rank " + std::to_string(number);
        return name_of_part(in, number, {}, {1, 0, 1});
    }
    /// A fault of a result, at the step that wrote it last.
    fault place(schedule const& in, std::uint32_t cell, std::string const& text) const {
        auto const writer = after_.writer(cell);
        if (writer < 0) return {in.rank, -1, text + "; no step writes there"};
        auto const index = all_[writer].index;
        return {in.rank, index, text + "; " + name_of_step(in, index) + " is the last to write there"};
    }
    /// A fault of an expression, at the step that first computed it.
    fault at_origin(symbol wrong, std::string const& text, std::string const& after) const {
        auto const& step = all_[symbols_[wrong].origin];
        auto const& in = all_.of(step);
        return {step.rank, step.index,
                text + " at " + name_of_rank(in) + " in " + name_of_step(in, step.index) + after};
    }

    std::string missing(schedule const& in, std::uint32_t cell, int number) const {
        auto const moved = !folds(in.what) && has_blocks(in.what);
        auto const what = moved ? all_.name_of_cell(in.rank, cell) : contribution(in, number, cell);
        return name_of_rank(in) + " never gets " + what;
    }
    fault incomplete(schedule const& in, std::uint32_t cell, symbol value, contributions wanted) const {
        auto number = wanted.first;
        while (symbols_.contains(value, number)) ++number;
        return place(in, cell, missing(in, cell, number));
    }
    fault foreign(schedule const& in, std::uint32_t cell, symbol value, contributions wanted) const {
        auto const& facts = symbols_[value];
        auto const number = facts.lowest < wanted.first ? facts.lowest : facts.highest;
        return place(in, cell,
                     "the output of " + name_of_rank(in) + " holds " + contribution(in, number, cell) +
                         ", which does not belong into " + all_.name_of_cell(in.rank, cell));
    }
    fault twice(schedule const& in, std::uint32_t cell, symbol value) const {
        auto const wrong = symbols_.innermost(value, [](symbol_facts const& f) { return f.twice; });
        auto number = symbols_[wrong].lowest;
        auto const& facts = symbols_[wrong];
        while (!symbols_.contains(facts.left, number) || !symbols_.contains(facts.right, number)) ++number;
        auto const elsewhere = all_[facts.origin].rank != in.rank;
        return at_origin(wrong, contribution(in, number, cell) + " is counted twice",
                         elsewhere ? "; it comes into the result of " + name_of_rank(in) : "");
    }
    fault finish_wrong(schedule const& in, std::uint32_t cell, symbol value) const {
        if (!symbols_[value].finished)
            return place(in, cell,
                         "the operator's last step is missing at " + name_of_rank(in) + " in " +
                             all_.name_of_cell(in.rank, cell));
        auto const wrong = symbols_.innermost(value, [](symbol_facts const& f) { return f.folded_late; });
        auto const again = symbols_[wrong].right == undefined;
        return at_origin(wrong,
                         again ? "the operator's last step is applied twice"
                               : "something is folded after the operator's last step",
                         "");
    }
    fault out_of_order(schedule const& in, std::uint32_t cell, symbol value) const {
        auto const wrong = symbols_.innermost(value, [](symbol_facts const& f) { return !f.in_order; });
        std::string order;
        for (auto const each : symbols_.sequence(value, 64)) order += " " + std::to_string(each);
        return at_origin(wrong,
                         "operand order: at " + name_of_rank(in) + " the result in " +
                             all_.name_of_cell(in.rank, cell) + " is" + order +
                             ", and the operator does not commute; order is first lost",
                         "");
    }

    program const& all_;
    machine& after_;
    symbol_table& symbols_;
    bool must_keep_order_;
    bool finishes_ = false;
    result_summary summary_;
    std::vector<std::uint32_t> first_tree_; // by cell of the collective: the tree at the first rank
    contributions known_for_;
    std::uint32_t known_tree_ = 0;
};

} // namespace chorus::proof
