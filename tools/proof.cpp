#include "proof.hpp"

#include <chorus/pattern/groups.hpp>
#include <chorus/verify/counts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

namespace chorus::tools {

namespace {

/// Beyond so many ranks not every root meets every variant, and options take turns from one number of ranks to the
/// next.
constexpr int few_ranks = 16;

choice plain(std::string_view name) {
    choice how;
    how.name = name;
    return how;
}

choice over_groups(std::vector<int> groups, choice inside = {}, choice between = {}) {
    auto how = plain("hierarchical");
    how.levels = std::make_shared<hierarchy const>(hierarchy{std::move(groups), std::move(inside), std::move(between)});
    return how;
}

/// Equal, unequal, interleaved and nested groups.
std::vector<choice> groupings(int p) {
    std::vector<choice> result;
    result.reserve(5);
    result.push_back(over_groups(group_of_equal(p, std::max(1, (p + 1) / 2))));
    if (p == 1) return result;
    std::vector<int> interleaved, uneven;
    for (int r = 0; r < p; ++r) {
        interleaved.push_back(r % (p < 6 ? 2 : 3));
        uneven.push_back(r == 0 ? 0 : r <= p / 3 ? 1 : 2);
    }
    result.push_back(over_groups(group_of_equal(p, 4), plain("ring"), plain("tree")));
    result.push_back(over_groups(uneven));
    result.push_back(over_groups(interleaved));
    auto const pairs = (p + 1) / 2;
    result.push_back(over_groups(group_of_equal(p, 2), {}, over_groups(group_of_equal(pairs, 2))));
    return result;
}

/// The algorithm with all options that it should be proven with.
std::vector<choice> choices_for(catalogue_entry const& entry, int p) {
    std::vector<choice> all;
    all.reserve(5);
    all.push_back(plain(entry.name));
    if (entry.name == "hierarchical") all = groupings(p);
    if (entry.name == "bruck" && entry.what == collective::all_to_all)
        for (auto const radix : {3, 4, 8}) all.push_back(plain(entry.name)), all.back().radix = radix;
    auto place = p;
    if (p > 2 * few_ranks && all.size() > 1) std::erase_if(all, [&](choice const&) { return place++ % 2 == 0; });
    return all;
}

/// Every two of the properties meet in some variant.
std::vector<call_shape> variants(collective what, int p, int root) {
    call_shape shape;
    shape.what = what;
    shape.ranks = p;
    shape.root = root;
    auto const in_place_only = what == collective::broadcast || what == collective::barrier;
    auto const turn = has_root(what) ? root : p;
    std::vector<call_shape> all;
    for (auto const i : {0, 1, 2, 3}) {
        if (in_place_only && i % 2 == 0) continue;
        auto const leave_out = in_place_only ? i == 3 && turn % 2 == 1 : (i == 1 || i == 2) != (turn % 2 == 1);
        if (p > (has_root(what) ? few_ranks : 2 * few_ranks) && leave_out) continue;
        shape.in_place = i % 2 == 1;
        shape.segments = i < 2 ? 1 : 2;
        shape.finishes = has_operator(what) && (i == 1 || i == 2);
        all.push_back(shape);
    }
    return all;
}

std::string describe(call_shape const& shape, choice const& how) {
    auto text = fmt::format("{} {}, {} ranks", name(shape.what), to_string(how), shape.ranks);
    if (has_root(shape.what)) text += fmt::format(", root {}", shape.root);
    if (shape.in_place) text += ", in place";
    if (shape.segments > 1) text += fmt::format(", {} segments", shape.segments);
    if (shape.finishes) text += ", average";
    return text;
}

void raise(counted_cost& most, counted_cost const& by) {
    most.rounds = std::max(most.rounds, by.rounds);
    most.messages = std::max(most.messages, by.messages);
    most.sent = std::max(most.sent, by.sent);
    most.reduced = std::max(most.reduced, by.reduced);
}

/// All shapes of one algorithm on one number of ranks. Stops at the first that is wrong.
class proof_on {
public:
    proof_on(catalogue_entry const& entry, int p) : p_(p) { result.entry = entry; }

    proof_result result;

    void run() {
        for (auto const& how : choices_for(result.entry, p_)) {
            if (result.entry.refuses != nullptr && !result.entry.refuses(p_, how).empty()) continue;
            result.most_ranks = p_;
            counted_cost counted;
            for (int root = 0; root < (has_root(result.entry.what) ? p_ : 1); ++root)
                for (auto const& shape : variants(result.entry.what, p_, root))
                    if (!holds(shape, how, counted)) return;
            if (!costs(counted, how)) return;
            raise(result.cost, counted);
        }
    }

private:
    /// Proves one shape; `counted` collects what uncut messages cost.
    bool holds(call_shape const& shape, choice const& how, counted_cost& counted) {
        std::vector<schedule> schedules;
        try {
            schedules = record_all(shape, result.entry, how);
        } catch (std::exception const& e) {
            verdict found;
            found.explanation = std::string("it cannot be recorded: ") + e.what();
            return blame(describe(shape, how), found, {});
        }
        auto found = verify(schedules, {.keeps_order = result.entry.keeps_order});
        // Cut messages have all the cuts of others, and roots differ in names.
        if (found.correct && (p_ <= few_ranks || (shape.segments > 1 && shape.root % 8 < 2)))
            if (auto const bad = check_counts(schedules, typical_lengths(schedules))) {
                found.correct = false;
                found.explanation = *bad;
            }
        if (found.correct && found.determinism_level < 2) {
            found.correct = false;
            found.explanation = "ranks end up with different bits: they round in different orders";
        }
        if (!found.correct) return blame(describe(shape, how), found, std::move(schedules));
        if (shape.segments == 1) raise(counted, found.cost);
        ++result.shapes;
        result.roundings = std::max(result.roundings, found.roundings);
        result.keeps_order = result.keeps_order && found.keeps_order;
        result.determinism_level = std::min(result.determinism_level, found.determinism_level);
        return true;
    }

    /// Compares what was counted with the catalogue's formula.
    bool costs(counted_cost const& counted, choice const& how) {
        if (result.entry.formula == nullptr) return true;
        auto const said = result.entry.formula(p_, how);
        auto const same = [](double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(a)); };
        result.has_formula = true;
        if (same(said.rounds, counted.rounds) && same(said.messages, counted.messages) &&
            same(said.sent, counted.sent) && same(said.reduced, counted.reduced))
            return true;
        constexpr auto words = "{:g} rounds, {:g} messages, {:g} sent, {:g} reduced";
        verdict found;
        found.explanation =
            "the formula says " + fmt::format(words, said.rounds, said.messages, said.sent, said.reduced) +
            "; counted are " +
            fmt::format(words, double(counted.rounds), double(counted.messages), counted.sent, counted.reduced);
        return blame(fmt::format("{} {}, {} ranks", name(result.entry.what), to_string(how), p_), found, {});
    }

    bool blame(std::string where, verdict found, std::vector<schedule> schedules) {
        result.wrong = disproof{p_, std::move(where), std::move(found), std::move(schedules)};
        return false;
    }

    int p_;
};

/// Adds the proof on one number of ranks to those on others.
void merge(proof_result& into, proof_result&& one) {
    into.shapes += one.shapes;
    into.roundings = std::max(into.roundings, one.roundings);
    into.keeps_order = into.keeps_order && one.keeps_order;
    into.determinism_level = std::min(into.determinism_level, one.determinism_level);
    into.has_formula = into.has_formula || one.has_formula;
    if (one.most_ranks > into.most_ranks) {
        into.most_ranks = one.most_ranks;
        into.cost = one.cost;
    }
    if (one.wrong && (!into.wrong || one.wrong->ranks < into.wrong->ranks)) into.wrong = std::move(one.wrong);
}

} // namespace

std::vector<proof_result> prove(std::vector<catalogue_entry> const& entries, std::vector<int> const& ranks,
                                std::function<void(double)> const& progress) {
    std::vector<proof_result> results(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) results[i].entry = entries[i];
    auto const cost_on = [](int p) { return std::pow(p, 3); }; // or so
    auto all_cost = 0.0, done_cost = 0.0;
    for (auto const p : ranks) all_cost += cost_on(p) * static_cast<double>(entries.size());
    auto const jobs = entries.size() * ranks.size();
    std::atomic<std::size_t> next = 0;
    std::mutex guard; // of results, of the costs, and of `progress`
    std::exception_ptr failure;
    auto const work = [&] {
        for (std::size_t job = 0; (job = next++) < jobs;) {
            auto const i = job % entries.size();
            proof_on one(entries[i], ranks[job / entries.size()]);
            auto const skipped = [&] {
                std::unique_lock const lock(guard);
                return results[i].wrong.has_value();
            };
            try {
                if (!skipped()) one.run();
            } catch (...) {
                std::unique_lock const lock(guard);
                failure = std::current_exception();
                return;
            }
            std::unique_lock const lock(guard);
            merge(results[i], std::move(one.result));
            done_cost += cost_on(ranks[job / entries.size()]);
            progress(done_cost / all_cost);
        }
    };
    {
        std::jthread const second(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
    return results;
}

} // namespace chorus::tools
