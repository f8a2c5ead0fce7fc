#pragma once
/// Symbols: what a cell holds, as an expression over contributions, each distinct expression once.
///
/// A contribution is a leaf (a rank's operand, or a block that is only moved), a fold has a left and a right operand,
/// and `finish` is the operator's last step. Equal expressions get equal numbers (hash-consing), so that comparing
/// results is comparing numbers, and everything known of an expression is computed once, however many cells hold it.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace chorus::proof {

/// Number of an expression. 0: undefined. 1..leaves: the contributions.
using symbol = std::uint32_t;
inline constexpr symbol undefined = 0;

/// What is known of an expression.
struct symbol_facts {
    symbol left = 0, right = 0;           ///< operands; both 0: a contribution; right 0: finished left
    std::uint32_t tree = 0;               ///< equal for expressions that differ only in which operand stands left
    std::uint32_t weight = 1;             ///< contributions, each as often as it occurs
    std::int32_t lowest = 0, highest = 0; ///< the lowest and highest contribution
    std::int32_t depth = 0;               ///< most roundings on the path of a contribution
    std::int32_t origin = -1;             ///< the step that first computed it
    bool in_order = true;                 ///< neighbouring contributions, from left to right
    bool twice = false;                   ///< some contribution occurs twice
    bool finished = false;                ///< the last step was applied
    bool folded_late = false;             ///< ... and something came after it
};

/// Pairs of numbers to consecutive numbers: a hash table with open addressing that never forgets.
class pair_numbers {
public:
    /// The number of the pair; `next` if it is new.
    std::uint32_t find_or_add(std::uint32_t a, std::uint32_t b, std::uint32_t next) {
        if (2 * (used_ + 1) > slots_.size()) grow();
        auto& found = slot_for(a, b);
        if (found.number == 0) {
            found = {a, b, next};
            ++used_;
        }
        return found.number;
    }

private:
    struct slot {
        std::uint32_t a = 0, b = 0, number = 0;
    };
    slot& slot_for(std::uint32_t a, std::uint32_t b) {
        auto const mask = slots_.size() - 1;
        auto const key = std::uint64_t{a} << 32 | b;
        auto i = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15u) >> 32) & mask;
        while (slots_[i].number != 0 && (slots_[i].a != a || slots_[i].b != b)) i = (i + 1) & mask;
        return slots_[i];
    }
    void grow() {
        auto const old = std::move(slots_);
        slots_.assign(std::max<std::size_t>(64, old.size() * 2), slot{});
        for (auto const& each : old)
            if (each.number != 0) slot_for(each.a, each.b) = each;
    }

    std::vector<slot> slots_;
    std::size_t used_ = 0;
};

class symbol_table {
public:
    explicit symbol_table(int leaves)
        : words_((static_cast<std::size_t>(leaves) + 63) / 64),
          leaves_(static_cast<symbol>(leaves)) {
        facts_.resize(leaves_ + 1);
        for (symbol s = 1; s <= leaves_; ++s) {
            facts_[s].tree = s;
            facts_[s].lowest = facts_[s].highest = static_cast<std::int32_t>(s) - 1;
        }
        next_tree_ = leaves_ + 1;
    }

    static symbol leaf(int contribution) { return static_cast<symbol>(contribution) + 1; }
    bool is_leaf(symbol s) const { return s >= 1 && s <= leaves_; }
    symbol_facts const& operator[](symbol s) const { return facts_[s]; }

    /// left op right, computed by a step. Precondition: neither is undefined.
    symbol fold(symbol left, symbol right, std::int32_t step) {
        auto const number = expressions_.find_or_add(left, right, next());
        if (number == next()) add_fold(left, right, step);
        return number;
    }
    /// The operator's last step on a value.
    symbol finish(symbol value, std::int32_t step) {
        auto const number = expressions_.find_or_add(value, undefined, next());
        if (number == next()) add_finish(value, step);
        return number;
    }

    /// The tree of an expression over contributions [first, last) that is always cut at the largest power of two
    /// below its length: the one fixed tree of determinism level 3.
    std::uint32_t reference_tree(int first, int last) {
        if (last - first == 1) return leaf(first);
        auto const middle = first + static_cast<int>(std::bit_floor(static_cast<unsigned>(last - first - 1)));
        auto const left = reference_tree(first, middle), right = reference_tree(middle, last);
        return tree_of(left, right);
    }
    std::uint32_t finished_tree(std::uint32_t tree) { return tree_of(tree, undefined); }

    bool contains(symbol s, int contribution) const {
        if (is_leaf(s)) return s == leaf(contribution);
        auto const bit = static_cast<std::size_t>(contribution);
        return (bits(s)[bit / 64] >> (bit % 64) & 1) != 0;
    }
    /// The contributions from left to right, as far as `limit` of them.
    std::vector<int> sequence(symbol s, std::size_t limit) const {
        std::vector<int> result;
        std::vector<symbol> rest{s};
        while (!rest.empty() && result.size() < limit) {
            auto const top = rest.back();
            rest.pop_back();
            if (is_leaf(top)) result.push_back(static_cast<int>(top) - 1);
            if (facts_[top].right != undefined) rest.push_back(facts_[top].right);
            if (facts_[top].left != undefined) rest.push_back(facts_[top].left);
        }
        return result;
    }
    /// The first, that is the innermost, part of an expression of which `wrong` holds. Precondition: wrong(facts of s).
    template <class Predicate>
    symbol innermost(symbol s, Predicate wrong) const {
        for (;;) {
            auto const& here = facts_[s];
            if (here.left != undefined && wrong(facts_[here.left]))
                s = here.left;
            else if (here.right != undefined && wrong(facts_[here.right]))
                s = here.right;
            else
                return s;
        }
    }

private:
    symbol next() const { return static_cast<symbol>(facts_.size()); }
    std::uint64_t const* bits(symbol s) const { return bits_.data() + (s - leaves_ - 1) * words_; }

    /// Adds the contributions of s to the last row of bits.
    void gather(symbol s) {
        auto* const row = bits_.data() + bits_.size() - words_;
        if (is_leaf(s))
            row[(s - 1) / 64] |= std::uint64_t{1} << ((s - 1) % 64);
        else
            for (std::size_t i = 0; i < words_; ++i) row[i] |= bits(s)[i];
    }
    void add_fold(symbol left, symbol right, std::int32_t step) {
        auto const l = facts_[left], r = facts_[right];
        bits_.resize(bits_.size() + words_);
        gather(left);
        gather(right);
        std::uint32_t different = 0;
        for (auto i = bits_.size() - words_; i < bits_.size(); ++i)
            different += static_cast<std::uint32_t>(std::popcount(bits_[i]));
        symbol_facts now{left, right};
        now.tree = tree_of(l.tree, r.tree);
        now.weight = l.weight + r.weight;
        now.lowest = std::min(l.lowest, r.lowest);
        now.highest = std::max(l.highest, r.highest);
        now.depth = std::max(l.depth, r.depth) + 1;
        now.origin = step;
        now.in_order = l.in_order && r.in_order && l.highest + 1 == r.lowest;
        now.twice = different < now.weight;
        now.finished = l.finished || r.finished;
        now.folded_late = now.finished;
        facts_.push_back(now);
    }
    void add_finish(symbol value, std::int32_t step) {
        bits_.resize(bits_.size() + words_);
        gather(value);
        auto now = facts_[value];
        now.left = value;
        now.right = undefined;
        now.tree = finished_tree(now.tree);
        now.depth += 1;
        now.origin = step;
        now.folded_late = now.finished;
        now.finished = true;
        facts_.push_back(now);
    }
    std::uint32_t tree_of(std::uint32_t a, std::uint32_t b) {
        auto const number = trees_.find_or_add(std::min(a, b), std::max(a, b), next_tree_);
        if (number == next_tree_) ++next_tree_;
        return number;
    }

    std::size_t words_;
    symbol leaves_;
    std::vector<symbol_facts> facts_; // by symbol
    std::vector<std::uint64_t> bits_; // which contributions: `words_` words for each symbol beyond the leaves
    pair_numbers expressions_, trees_;
    std::uint32_t next_tree_;
};

} // namespace chorus::proof
