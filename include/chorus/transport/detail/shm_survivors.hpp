#pragma once
/// Agreement of the ranks that are still there on who they are (renewable_transport), where any of them may die half-way.

#include <chorus/transport/detail/shm_job.hpp>
#include <chorus/transport/detail/shm_watch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace chorus::detail {

class shm_renewal {
public:
    shm_renewal(shm_job const& job, shm_watch& watch, int rank) : job_(&job), watch_(&watch), rank_(rank) {}

    /// Who has come once every rank has come or is gone, the same everywhere. Whoever has not when the first deadline passes is
    /// excluded; the list is empty for a rank that is.
    [[gnu::cold]] std::vector<int> wait(clock::time_point until) {
        auto& shared = job_->header();
        auto& mine = job_->sign(rank_);
        auto const round = shared.round.load(std::memory_order_acquire);
        if (job_->is_excluded(rank_)) return {};
        mine.renews.store(round + 1, std::memory_order_seq_cst);
        job_->wake_all();
        for (;;) {
            if (shared.round.load(std::memory_order_acquire) != round) return job_->survives(rank_) ? result() : std::vector<int>();
            watch_->look();
            auto const late = clock::now() > until;
            if (clock::now() > until + std::chrono::seconds(1)) return {}; // the rank that works out the list was stopped at it
            auto const ready = late || everybody_is_here_or_gone(round + 1);
            if (ready && !lock()) { // another rank is at it
                std::this_thread::sleep_for(std::chrono::microseconds(50));
                continue;
            }
            if (ready) {
                if (shared.round.load(std::memory_order_acquire) == round) publish(round + 1);
                shared.renewing.store(0, std::memory_order_release);
                job_->wake_all();
                continue;
            }
            mine.asleep.store(1, std::memory_order_relaxed);
            job_->barrier().heavy();
            if (shared.round.load(std::memory_order_acquire) == round && !everybody_is_here_or_gone(round + 1))
                futex_wait(mine.asleep, 1, clock::now() + std::chrono::milliseconds(10));
            mine.asleep.store(0, std::memory_order_relaxed);
        }
    }

private:
    bool everybody_is_here_or_gone(std::uint32_t round) const {
        for (int rank = 0; rank < job_->size(); ++rank)
            if (job_->sign(rank).renews.load(std::memory_order_seq_cst) != round && !job_->is_gone(rank)) return false;
        return true;
    }
    /// A holder that died hands the lock to the next who asks.
    bool lock() const {
        auto& word = job_->header().renewing;
        auto holder = std::uint32_t{0};
        auto const me = static_cast<std::uint32_t>(rank_) + 1;
        if (word.compare_exchange_strong(holder, me)) return true;
        return holder != shm_job::outsider && job_->has_died(static_cast<int>(holder) - 1) && word.compare_exchange_strong(holder, me);
    }
    /// The list first, then the round that makes it known.
    void publish(std::uint32_t round) const {
        auto& shared = job_->header();
        for (int rank = 0; rank < job_->size(); ++rank)
            if (job_->sign(rank).renews.load() != round) job_->leave(rank, shm_sign::excluded);
        for (auto& word : shared.survivors) word.store(0, std::memory_order_relaxed);
        for (int rank = 0; rank < job_->size(); ++rank)
            if (job_->sign(rank).renews.load() == round && !job_->is_gone(rank))
                shared.survivors[static_cast<std::size_t>(rank) / 64].fetch_or(std::uint64_t{1} << (rank % 64), std::memory_order_relaxed);
        shared.failure.state.store(shm_failure::word(round, shm_failure::none), std::memory_order_relaxed);
        shared.round.store(round, std::memory_order_release);
    }
    std::vector<int> result() const {
        std::vector<int> list;
        for (int rank = 0; rank < job_->size(); ++rank)
            if (job_->survives(rank)) list.push_back(rank);
        return list;
    }

    shm_job const* job_;
    shm_watch* watch_;
    int rank_;
};

} // namespace chorus::detail
