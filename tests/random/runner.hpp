#pragma once
/// Runs a random program on one rank.

#include "jobs.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace chorus::testing {

/// Of all ranks together, in memory that they share.
struct tally {
    std::atomic<long> collectives = 0; ///< counted once, by the first of their ranks
    std::atomic<long> results = 0;     ///< of each rank
    std::atomic<long> wrong = 0;       ///< of those
};

class program_run {
public:
    /// `before` is called before every step. `memory` outlives the run, also where that throws.
    program_run(
        communicator& world, memory_pool& memory, std::uint64_t seed, tally& counts,
        std::function<void()> before = [] {})
        : world_(&world),
          memory_(&memory),
          seed_(seed),
          counts_(&counts),
          before_(std::move(before)),
          random_(seed * 64 + static_cast<std::uint64_t>(world.rank())) {
        std::shared_ptr<communicator> const all(std::shared_ptr<void>(), &world);
        comms_.assign(most_communicators, all);
    }

    void run(std::vector<random_step> const& steps) {
        for (auto const& each : steps) {
            before_();
            pause();
            switch (each.what) {
            case random_step::kind::divide:
                divide(each);
                break;
            case random_step::kind::finish:
                finish();
                break;
            default:
                begin(each);
            }
        }
    }

private:
    bool one_in(unsigned n) { return random_() % n == 0; }
    /// Ranks come late, a little or much.
    void pause() {
        if (one_in(4)) std::this_thread::sleep_for(std::chrono::microseconds(random_() % (one_in(16) ? 5000 : 200)));
        if (one_in(4)) world_->progress();
    }

    void begin(random_step const& step) {
        auto made = make_job(comms_[step.comm], *memory_, step);
        if (!made) return;
        made->begin();
        if (step.how.how_run != mode::blocking)
            return waiting_.push_back({std::move(made), comms_[step.comm]->rank() == 0});
        for (auto const counts = comms_[step.comm]->rank() == 0;;) {
            note(*made, counts);
            if (made->left <= 0) return;
            pause();
            made->begin();
        }
    }

    /// Everything that is on its way is waited for in an order of this rank's own, and begun again in that of the
    /// program.
    void finish() {
        while (!waiting_.empty()) {
            std::vector<std::size_t> order(waiting_.size());
            for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
            std::shuffle(order.begin(), order.end(), random_);
            for (auto const i : order) note(*waiting_[i].what, waiting_[i].counts);
            std::erase_if(waiting_, [](running const& each) { return each.what->left <= 0; });
            for (auto& each : waiting_) each.what->begin();
        }
    }

    void note(job& what, bool counts) {
        auto const wrong = what.finish();
        ++counts_->results;
        if (counts) ++counts_->collectives;
        if (wrong.empty()) return;
        ++counts_->wrong;
        std::printf("WRONG: seed %llu, rank %d of %d: %s: %s\n", static_cast<unsigned long long>(seed_), world_->rank(),
                    world_->size(), describe(what.step).c_str(), wrong.c_str());
        std::fflush(stdout);
    }

    void divide(random_step const& step) {
        auto const parent = comms_[step.comm];
        auto made = std::make_shared<communicator>();
        if (parent->valid()) *made = child_of(*parent, step);
        comms_[step.slot] = made;
    }
    static communicator child_of(communicator& parent, random_step const& step) {
        std::mt19937 same(static_cast<std::uint32_t>(step.how.seed)); // on all ranks
        switch (same() % 4) {
        case 0:
            return parent.dup();
        case 1: {
            auto shared = parent.dup();
            shared.expect_shared_buffers();
            return shared;
        }
        case 2:
            return parent.split(parent.rank() * step.how.root % 5 / 2,
                                static_cast<int>(same() % 3) * parent.rank() % 4);
        default: {
            std::vector<int> members(static_cast<std::size_t>(parent.size()));
            for (std::size_t i = 0; i < members.size(); ++i) members[i] = static_cast<int>(i);
            std::shuffle(members.begin(), members.end(), same);
            members.resize(1 + same() % members.size());
            return parent.subgroup(members);
        }
        }
    }

    struct running {
        std::unique_ptr<job> what;
        bool counts;
    };
    communicator* world_;
    memory_pool* memory_;
    std::uint64_t seed_;
    tally* counts_;
    std::function<void()> before_;
    std::mt19937_64 random_;
    std::vector<std::shared_ptr<communicator>> comms_;
    std::vector<running> waiting_; ///< end before their communicators
};

} // namespace chorus::testing
