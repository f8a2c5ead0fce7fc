#pragma once
/// Which fiber goes on: systematically, or at random.

#include "memory.hpp"
#include "operation.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace chorus::testing::explore {

using fiber_set = std::uint32_t; ///< bits
constexpr fiber_set only(int fiber) { return fiber_set{1} << fiber; }
constexpr int first_of(fiber_set some) { return std::countr_zero(some); }

/// What a search sees of the machine when it has to choose.
struct situation {
    fiber_set enabled;
    fiber_set injectors; ///< those that are no ranks: to go to them and back is no preemption
    int previous;        ///< who has run; -1: nobody
    std::array<operation, most_fibers> const* next;
};

class search {
public:
    virtual ~search() = default;
    /// A run begins.
    virtual void begin() = 0;
    /// A fiber of the enabled ones, or `redundant`.
    virtual int pick(situation const& now) = 0;
    static constexpr int redundant = -1;
    /// `fiber` makes this step now; it has seen so much of the other fibers' steps.
    virtual void made(int fiber, operation const& what, vector_clock& seen) = 0;
    virtual int choose(int count) = 0;
    /// False where nothing is left to run.
    virtual bool next_run() = 0;
};

/// Everything within the bound.
class exhaustive_search : public search {
public:
    explicit exhaustive_search(int preemptions) : bound_(preemptions) {}

    void begin() override {
        depth_ = 0;
        objects_.forget_all();
    }
    int pick(situation const& now) override {
        if (depth_ == nodes_.size()) {
            auto made = node{.enabled = now.enabled, .injectors = now.injectors, .previous = now.previous};
            if (depth_ > 0) {
                made.sleep = falling_asleep_;
                made.preemptions = nodes_.back().preemptions + cost(nodes_.back(), nodes_.back().chosen);
            }
            auto const awake = now.enabled & ~made.sleep;
            if (awake == 0) return redundant;
            made.chosen = now.previous >= 0 && (awake & only(now.previous)) != 0 ? now.previous : first_of(awake);
            made.backtrack = made.done = only(made.chosen);
            nodes_.push_back(made);
        }
        auto const& here = nodes_[depth_];
        if (here.enabled != now.enabled) return not_reproducible;
        falling_asleep_ = 0;
        if (bound_ < 0)
            for (auto left = here.sleep | (here.done & ~only(here.chosen)); left != 0; left &= left - 1)
                if (!depend((*now.next)[static_cast<std::size_t>(first_of(left))],
                            (*now.next)[static_cast<std::size_t>(here.chosen)]))
                    falling_asleep_ |= only(first_of(left));
        ++depth_;
        return here.chosen;
    }
    static constexpr int not_reproducible = -2;

    void made(int fiber, operation const& what, vector_clock& seen) override {
        auto const before = seen; // of the step itself
        auto const index =
            static_cast<std::uint32_t>(depth_); // of the node behind: node depth_ - 1 was left by this step
        for (int i = 0; i < what.count; ++i)
            look_for_races(fiber, what.touched[static_cast<std::size_t>(i)], before, seen);
        seen.at[static_cast<std::size_t>(fiber)] = index;
        for (int i = 0; i < what.count; ++i) note(fiber, what.touched[static_cast<std::size_t>(i)], index, seen);
    }
    int choose(int count) override {
        if (depth_ == nodes_.size())
            nodes_.push_back({.alternatives = count,
                              .previous = -1,
                              .sleep = falling_asleep_,
                              .preemptions = depth_ > 0
                                                 ? nodes_.back().preemptions + cost(nodes_.back(), nodes_.back().chosen)
                                                 : 0});
        falling_asleep_ = nodes_[depth_].sleep;
        return nodes_[depth_++].chosen;
    }
    bool next_run() override {
        for (; !nodes_.empty(); nodes_.pop_back()) {
            auto& last = nodes_.back();
            if (last.alternatives > 0) {
                if (++last.chosen < last.alternatives) return true;
                continue;
            }
            for (auto left = last.backtrack & last.enabled & ~last.done & ~last.sleep; left != 0; left &= left - 1) {
                auto const fiber = first_of(left);
                last.done |= only(fiber);
                if (bound_ >= 0 && last.preemptions + cost(last, fiber) > bound_) continue;
                last.chosen = fiber;
                return true;
            }
        }
        return false;
    }

private:
    struct node {
        int alternatives = 0; ///< of `choose`; 0: a choice of fiber
        fiber_set enabled = 0;
        fiber_set injectors = 0;
        int previous = -1;
        fiber_set sleep = 0;     ///< whose next step would lead to nothing new
        fiber_set backtrack = 0; ///< to be tried
        fiber_set done = 0;      ///< tried, or being tried
        int chosen = 0;
        int preemptions = 0; ///< before this
    };
    struct event {
        std::uint32_t index = 0; ///< 1 + the node; 0: none
        int fiber = -1;
    };
    struct object {
        event write;
        std::array<std::uint32_t, most_fibers> reads{};
        vector_clock written, read; ///< seen by those who touched it
    };

    int cost(node const& at, int fiber) const {
        if (at.alternatives > 0 || at.previous < 0 || fiber == at.previous || (at.enabled & only(at.previous)) == 0)
            return 0;
        return ((only(fiber) | only(at.previous)) & at.injectors) != 0 ? 0 : 1;
    }
    void look_for_races(int fiber, operation::touch const& what, vector_clock const& before, vector_clock& seen) {
        auto& touched = objects_[what.where];
        if (what.how != operation::use::release) {
            race(touched.write.index, touched.write.fiber, fiber, before);
            if (what.how == operation::use::write)
                for (int other = 0; other < most_fibers; ++other)
                    race(touched.reads[static_cast<std::size_t>(other)], other, fiber, before);
        }
        seen.join(touched.written);
        if (what.how != operation::use::read) seen.join(touched.read);
    }
    void note(int fiber, operation::touch const& what, std::uint32_t index, vector_clock const& seen) {
        auto& touched = objects_[what.where];
        if (what.how == operation::use::read) {
            touched.reads[static_cast<std::size_t>(fiber)] = index;
            touched.read.join(seen);
            return;
        }
        touched.written = seen;
        if (what.how == operation::use::release) return;
        touched.write = {index, fiber};
        touched.reads = {};
        touched.read = {};
    }
    /// The step at `index` could have come after the fiber's next one.
    void race(std::uint32_t index, int other, int fiber, vector_clock const& before) {
        if (index == 0 || other == fiber || index <= before.at[static_cast<std::size_t>(other)]) return;
        auto at = std::size_t{index} - 1;
        try_there(at, fiber, before);
        if (bound_ < 0) return;
        while (at > 0 && (nodes_[at].alternatives > 0 || nodes_[at].chosen == nodes_[at].previous))
            --at; // where that block of steps begins
        try_there(at, fiber, before);
    }
    void try_there(std::size_t at, int fiber, vector_clock const& before) {
        auto& there = nodes_[at];
        if (there.alternatives > 0) return;
        if ((there.enabled & only(fiber)) != 0) {
            there.backtrack |= only(fiber);
            return;
        }
        for (auto left = there.enabled; left != 0; left &= left - 1) // one whose later step the fiber's has to follow
            if (before.at[static_cast<std::size_t>(first_of(left))] > at + 1 && bound_ < 0) {
                there.backtrack |= only(first_of(left));
                return;
            }
        there.backtrack |= there.enabled;
    }

    int bound_;
    std::vector<node> nodes_;
    std::size_t depth_ = 0;
    fiber_set falling_asleep_ = 0;
    table<object> objects_;
};

/// Fibers have priorities, the highest goes on; at a few random places it loses its priority.
class random_search : public search {
public:
    random_search(std::uint64_t seed, std::uint64_t runs) : random_(seed), runs_(runs) {}

    void begin() override {
        for (std::size_t i = 0; i < priorities_.size(); ++i) priorities_[i] = static_cast<std::int64_t>(random_() >> 8);
        longest_ = steps_ > longest_ ? steps_ : longest_;
        steps_ = 0;
        changes_.clear();
        for (auto left = random_() % 8; left > 0; --left) changes_.push_back(random_() % longest_);
    }
    int pick(situation const& now) override {
        auto best = first_of(now.enabled);
        for (auto left = now.enabled; left != 0; left &= left - 1)
            if (priorities_[static_cast<std::size_t>(first_of(left))] > priorities_[static_cast<std::size_t>(best)])
                best = first_of(left);
        for (auto const each : changes_)
            if (each == steps_) priorities_[static_cast<std::size_t>(best)] = -static_cast<std::int64_t>(steps_) - 1;
        ++steps_;
        return best;
    }
    void made(int, operation const&, vector_clock&) override {}
    int choose(int count) override { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
    bool next_run() override { return --runs_ > 0; }

private:
    std::mt19937_64 random_;
    std::uint64_t runs_;
    std::array<std::int64_t, most_fibers> priorities_{};
    std::vector<std::uint64_t> changes_;
    std::uint64_t steps_ = 0, longest_ = 100;
};

} // namespace chorus::testing::explore
