#pragma once
/// Where a rank puts messages from private memory for its peers to read: a ring, somewhat larger than a second-level cache.
///
/// A short message begins at its start once everything was read: few lines, which stay in the caches whatever else the program does. Longer
/// ones go round: what the reader has just read is still in its cache, and taking it back from there costs two to three times as
/// much as taking lines from the cache that both share, where they are after a while.

#include <chorus/core/plain_vector.hpp>
#include <chorus/transport/detail/shm_job.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace chorus::detail {

/// The states of a rank's own messages that are free. They are stored in shared memory; who uses which is known here only.
class shm_states {
public:
    /// Whoever still has one of an earlier epoch can do nothing with it any more.
    shm_states(shm_job const& job, int rank, std::uint16_t epoch) : job_(&job), rank_(rank), epoch_(epoch) {
        free_.reserve(job.shape().states);
        for (auto which = job.shape().states; which-- > 0;) {
            job.state(rank, which).now.store(shm_state::word(epoch, shm_state::done), std::memory_order_seq_cst);
            free_.push_back(which);
        }
    }
    bool empty() const { return free_.empty(); }
    /// A state that says `posted`.
    std::uint32_t take() {
        auto const which = free_.back();
        free_.pop_back();
        job_->state(rank_, which).now.store(shm_state::word(epoch_, shm_state::posted), std::memory_order_relaxed);
        return which;
    }
    void give_back(std::uint32_t which) { free_.push_back(which); }
    /// How the message stands.
    std::uint32_t operator[](std::uint32_t which) const {
        return job_->state(rank_, which).now.load(std::memory_order_acquire) & 0xFFFFu;
    }
    /// From one to the other, where it stands there.
    bool move(std::uint32_t which, std::uint32_t from, std::uint32_t to) const {
        auto expected = shm_state::word(epoch_, from);
        return job_->state(rank_, which).now.compare_exchange_strong(expected, shm_state::word(epoch_, to), std::memory_order_acq_rel);
    }

private:
    shm_job const* job_;
    int rank_;
    std::uint16_t epoch_;
    plain_vector<std::uint32_t> free_;
};

class shm_ring {
public:
    struct place {
        std::size_t offset; ///< in the mapping
        std::uint32_t state;
    };

    shm_ring(shm_job const& job, int rank, shm_states& states)
        : begin_(job.ring_at(rank)), bytes_(job.shape().ring_bytes), states_(&states) {
        used_.reserve(job.shape().states);
    }

    /// Messages up to this size go through as one; longer ones in parts of this size.
    std::size_t part_bytes() const { return bytes_ / 4; }

    /// Room for a message. Nothing as long as readers have not freed enough.
    std::optional<place> take(std::size_t bytes) {
        reclaim();
        auto const size = round_up(bytes, 64);
        auto const at = states_->empty() ? std::nullopt : room_for(size);
        if (!at) return std::nullopt;
        head_ = *at + size;
        used_.push_back({*at, states_->take()});
        return place{begin_ + *at, used_.back().state};
    }
    /// Whether `take` has a chance that it did not have when it last failed.
    bool may_take(std::size_t bytes) const { return can_reclaim() || (!states_->empty() && room_for(round_up(bytes, 64))); }
    /// Takes back what was read.
    void reclaim() {
        while (can_reclaim()) states_->give_back(used_[first_++].state);
        if (first_ == used_.size()) {
            used_.clear();
            first_ = 0;
        } else if (first_ >= 128) {
            for (auto i = first_; i < used_.size(); ++i) used_[i - first_] = used_[i];
            used_.resize(used_.size() - first_);
            first_ = 0;
        }
    }
    /// Whether anything was read since the last `take`.
    bool can_reclaim() const {
        return first_ < used_.size() && (*states_)[used_[first_].state] == shm_state::done;
    }

private:
    static constexpr std::size_t short_bytes = 4096;

    struct entry {
        std::size_t offset;
        std::uint32_t state;
    };

    std::optional<std::size_t> room_for(std::size_t size) const {
        auto const empty = first_ == used_.size();
        auto const tail = empty ? bytes_ : used_[first_].offset;
        auto at = empty && size <= short_bytes ? 0 : head_;
        if ((empty || at > tail) && at + size > bytes_) at = 0; // free: [at, end) and [0, tail)
        auto const end = empty || at > tail ? bytes_ : tail;
        if (at == tail || at + size > end) return std::nullopt;
        return at;
    }

    std::size_t begin_, bytes_;
    std::size_t head_ = 0;      ///< where the next message goes
    shm_states* states_;
    plain_vector<entry> used_;  ///< the oldest first, from first_ on
    std::size_t first_ = 0;
};

} // namespace chorus::detail
