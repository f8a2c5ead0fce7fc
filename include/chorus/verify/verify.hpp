#pragma once
/// The proof: are these schedules, one per rank, right? And if not, where and why?
///
///     auto const found = chorus::verify(schedules, {.keeps_order = true});
///     if (!found.correct) std::cout << found.explanation;
///
/// Proven for every element count at once, ragged counts included (cells.hpp says why):
///   - every message has its other end, of the same size;
///   - nobody waits for ever, with sends that wait for their receives and one message at a time (progress.hpp);
///   - steps that share data wait for each other (order.hpp);
///   - nothing is read before it was written, and the input is never written (execute.hpp, wellformed.hpp);
///   - every result holds every contribution exactly once, in the order of ranks where that is asked for, with the
///     operator's last step, if any, applied once and last (results.hpp);
///   - no rank leaves a barrier before all have entered (barrier.hpp).
///
/// Cost: about linear in the number of steps times the cells that each touches.

#include <chorus/schedule/schedule.hpp>
#include <chorus/verify/barrier.hpp>
#include <chorus/verify/cost.hpp>
#include <chorus/verify/execute.hpp>
#include <chorus/verify/messages.hpp>
#include <chorus/verify/order.hpp>
#include <chorus/verify/program.hpp>
#include <chorus/verify/progress.hpp>
#include <chorus/verify/results.hpp>
#include <chorus/verify/wellformed.hpp>

#include <optional>
#include <span>
#include <string>

namespace chorus {

/// What is asked of schedules beyond being right for operators that commute.
struct expectation {
    bool keeps_order = false; ///< operands from the lowest rank to the highest: right for operators that do not commute
    bool check_dependencies = true; ///< also check the recorded dependencies between steps
};

struct verdict {
    bool correct = false;
    std::string explanation;  ///< what is wrong, for people; empty if nothing is
    int faulty_rank = -1;     ///< where it went wrong, as far as that can be told; -1: cannot
    int faulty_step = -1;     ///< index into that rank's `schedule.steps`; -1: none in particular
    counted_cost cost;        ///< counted as soon as progress is proven
    int roundings = 0;        ///< most roundings (folds, last step) on the way of a contribution into a result
    bool keeps_order = false; ///< whether asked for or not
    /// 4: data are only moved. 3: one fixed tree over the ranks. 2: the same bits from run to run, on all ranks.
    /// 0: ranks end up with differently rounded results. Dependencies fix the order of folds, so 1 without 2 cannot be.
    int determinism_level = 0;
};

namespace proof {

inline verdict wrong(fault const& found) {
    verdict result;
    result.explanation = found.text;
    result.faulty_rank = found.rank;
    result.faulty_step = found.step;
    return result;
}

inline void judge(program const& all, std::span<std::int32_t const> order, expectation const& asked, verdict& result) {
    auto const blame = [&](fault const& found) {
        auto const cost = result.cost;
        result = wrong(found);
        result.cost = cost;
    };
    auto const what = all.ranks()[0].what;
    result.correct = true;
    result.keeps_order = true;
    result.determinism_level = 4;
    if (what == collective::barrier) {
        if (auto const early = early_leaver(all, order)) blame(*early);
        return;
    }
    machine memory(all);
    if (auto const unwritten = memory.run(order)) return blame(*unwritten);
    result_check results(all, memory, asked.keeps_order && folds(what));
    if (auto const bad = results.run()) return blame(*bad);
    auto const& found = results.summary();
    result.roundings = found.roundings;
    if (!folds(what)) return;
    result.keeps_order = found.keeps_order;
    result.determinism_level = !found.same_on_all_ranks ? 0 : found.one_fixed_tree ? 3 : 2;
}

} // namespace proof

/// Proves the schedules of all ranks, `ranks[r]` being that of rank r, right or finds what is wrong with them.
inline verdict verify(std::span<schedule const> ranks, expectation const& asked = {}) {
    if (auto const bad = proof::malformed(ranks)) return proof::wrong(*bad);
    proof::program all(ranks);
    if (auto const uneven = proof::uneven_step(all)) return proof::wrong(*uneven);
    if (auto const alone = proof::pair_messages(all)) return proof::wrong(*alone);
    if (asked.check_dependencies)
        if (auto const missing = proof::order_check(all).run()) return proof::wrong(*missing);
    proof::progress running(all);
    auto const& order = running.run();
    if (auto const cycle = running.deadlock()) return proof::wrong(*cycle);
    verdict result;
    result.cost = proof::count_cost(all, order);
    proof::judge(all, order, asked, result);
    return result;
}

} // namespace chorus
