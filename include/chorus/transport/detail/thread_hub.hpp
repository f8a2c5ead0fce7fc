#pragma once
/// What the ranks of one process share: a mailbox for every ordered pair of ranks, and who failed or left.

#include <chorus/core/capacities.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/transport/detail/note.hpp>
#include <chorus/transport/detail/uneven_barrier.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace chorus::detail {

/// Where the sender of a large message learns that it was read. Shared between one sender and one receiver.
/// The sender stores `posted`; the receiver moves it to `shown` when it keeps a view for later, to `reading` before it touches
/// the sender's memory and to `done` (release) afterwards, or to `answered` if it has also written the reply memory; a sender
/// that gives up moves `posted` or `shown` to `withdrawn`, after which nobody reads or writes.
struct send_state {
    enum : std::uint32_t { posted, shown, reading, done, withdrawn, answered };
    std::atomic<std::uint32_t> now{done};
    send_state* next = nullptr; ///< in the hub's list of all
};

inline constexpr std::size_t inline_bytes = 512;

/// Where a message lies that is too long to be told at once.
struct message_place {
    piece const* pieces;
    std::uint32_t piece_count;
    std::uint32_t reply_place; ///< reply_offer::place
    std::byte* reply;          ///< as long as the message; null: nothing is offered
    send_state* state;
};

/// A message as it is announced: its bytes, if they are few, or where they lie.
struct announcement {
    exchange ex;
    std::size_t bytes;
    union {
        std::array<std::byte, inline_bytes> inlined;
        message_place place;
    };

    bool is_inlined() const { return bytes <= inline_bytes; }
};

/// One slot of a mailbox; a short message is on its first cache line. `full` is stored with release by the sender after the rest was
/// written, and cleared with release by the receiver after it has read the rest.
struct alignas(64) slot {
    std::atomic<bool> full{false};
    announcement what;
};

/// Lets a rank sleep, and be woken by whoever changes something that it might wait for. The order is: the waker
/// changes the world and then reads `asleep`, the sleeper writes `asleep` and then looks at the world; between the two is the light and
/// the heavy side of one barrier, so at least one of them sees the other.
struct alignas(64) bell {
    std::atomic<bool> asleep{false};
    std::mutex mutex;
    std::condition_variable changed;

    void ring(uneven_barrier const& order) {
        order.light();
        if (!asleep.load(std::memory_order_relaxed)) return;
        std::lock_guard const hold(mutex);
        asleep.store(false, std::memory_order_relaxed);
        changed.notify_one();
    }
    /// Sleeps unless `look()` finds something after sleep was announced.
    template <class Look>
    void sleep(uneven_barrier const& order, clock::time_point until, Look look) {
        asleep.store(true, std::memory_order_relaxed);
        order.heavy();
        if (!look()) {
            std::unique_lock hold(mutex);
            changed.wait_until(hold, until, [&] { return !asleep.load(std::memory_order_relaxed); });
        }
        asleep.store(false, std::memory_order_relaxed);
    }
};

/// What the others see of a rank.
struct alignas(64) rank_sign {
    bell wakes;
    note entered;
    std::atomic<bool> left{false};
    std::atomic<bool> excluded{false}; ///< the others went on without it
    bool here = false; ///< waits in `survivors`; guarded by the hub's mutex
};

/// Shared by all ranks of a `run_threads`; lives until the last of them is gone.
class thread_hub {
public:
    explicit thread_hub(int size)
        : size_(size), ranks_per_processor_(std::max(1.0, static_cast<double>(size) / std::max(1u, std::thread::hardware_concurrency()))),
          mailboxes_(new std::atomic<slot*>[static_cast<std::size_t>(size) * static_cast<std::size_t>(size)]{}),
          signs_(new rank_sign[static_cast<std::size_t>(size)]) {}
    thread_hub(thread_hub const&) = delete;
    thread_hub& operator=(thread_hub const&) = delete;
    ~thread_hub() {
        for (int from = 0; from < size_; ++from)
            for (int to = 0; to < size_; ++to) delete[] look(from, to);
        while (states_ != nullptr) delete std::exchange(states_, states_->next);
    }

    int size() const { return size_; }
    /// At least 1, and the same for all ranks, whatever each of them is pinned to.
    double ranks_per_processor() const { return ranks_per_processor_; }
    note& note_of(int rank) { return sign_of(rank).entered; }
    /// Called after something has changed that the rank may sleep for.
    void wake(int rank) { sign_of(rank).wakes.ring(order_); }
    template <class Look>
    void sleep(int rank, clock::time_point until, Look look) {
        sign_of(rank).wakes.sleep(order_, until, look);
    }

    // A mailbox is a ring of slots with announcements from one rank to one other: single producer, single consumer, in order.

    /// Slots of a mailbox, a power of two. Where there are many ranks there may be a mailbox for each pair of them.
    std::size_t slots() const { return static_cast<std::size_t>(size_ <= few_ranks ? mailbox_slots : std::min(mailbox_slots, 4)); }
    /// Up to so many ranks memory is no concern, and everything has room for what is usual.
    static constexpr int few_ranks = 32;

    /// Made by the sender when it first sends.
    slot* open(int from, int to) {
        auto& place = mailbox_at(from, to);
        auto* box = place.load(std::memory_order_relaxed);
        if (box == nullptr) {
            box = new slot[slots()];
            place.store(box, std::memory_order_release);
        }
        return box;
    }
    /// The same for the receiver: null as long as nothing was ever sent.
    slot* look(int from, int to) { return mailbox_at(from, to).load(std::memory_order_acquire); }

    /// The first caller's reason is kept; everybody is woken. Nothing where the others have gone on since `round`.
    void revoke(transport_failure const& why, unsigned round) {
        {
            std::lock_guard const hold(mutex_);
            if (round != rounds_ || failure_) return;
            failure_ = why;
            failure_->told = true;
            failed_.store(true, std::memory_order_seq_cst);
        }
        wake_all();
    }
    bool failed() const { return failed_.load(std::memory_order_seq_cst); }
    std::optional<transport_failure> failure() {
        if (!failed()) return std::nullopt;
        std::lock_guard const hold(mutex_);
        return failure_;
    }

    /// See renewable_transport. Whoever has not come when the first deadline passes is excluded. Empty for a rank that is.
    std::vector<int> survivors(int rank, clock::time_point until) {
        std::unique_lock hold(mutex_);
        if (is_excluded(rank)) return {};
        sign_of(rank).here = true;
        auto const round = rounds_;
        gathering_.wait_until(hold, until, [&] {
            if (rounds_ == round && everybody_is_here_or_gone()) begin_new_round();
            return rounds_ != round;
        });
        if (rounds_ == round) begin_new_round();
        return survivors_;
    }
    unsigned rounds() {
        std::lock_guard const hold(mutex_);
        return rounds_;
    }
    /// Whether the others have gone on without a rank that is still there.
    bool is_excluded(int rank) const { return sign_of(rank).excluded.load(std::memory_order_seq_cst); }

    /// Lives as long as the hub, since a message that was taken back may still be announced somewhere.
    void make_states(std::size_t count, plain_vector<send_state*>& into) {
        std::lock_guard const hold(mutex_);
        for (; count > 0; --count) {
            auto* const made = new send_state;
            made->next = std::exchange(states_, made);
            into.push_back(made);
        }
    }

    /// The rank's function has returned: it will not send or receive any more.
    void leave(int rank) {
        {
            std::lock_guard const hold(mutex_);
            sign_of(rank).left.store(true, std::memory_order_seq_cst);
        }
        gathering_.notify_all();
        wake_all();
    }
    bool has_left(int rank) const { return sign_of(rank).left.load(std::memory_order_seq_cst); }

private:
    rank_sign& sign_of(int rank) const { return signs_[static_cast<std::size_t>(rank)]; }
    std::atomic<slot*>& mailbox_at(int from, int to) {
        return mailboxes_[static_cast<std::size_t>(from) * static_cast<std::size_t>(size_) + static_cast<std::size_t>(to)];
    }
    bool everybody_is_here_or_gone() const {
        for (int rank = 0; rank < size_; ++rank)
            if (!sign_of(rank).here && !has_left(rank) && !is_excluded(rank)) return false;
        return true;
    }
    void begin_new_round() {
        survivors_.clear();
        for (int rank = 0; rank < size_; ++rank)
            if (std::exchange(sign_of(rank).here, false)) survivors_.push_back(rank);
            else sign_of(rank).excluded.store(true, std::memory_order_seq_cst);
        failure_.reset();
        failed_.store(false, std::memory_order_seq_cst);
        ++rounds_;
        gathering_.notify_all();
    }
    void wake_all() {
        for (int rank = 0; rank < size_; ++rank) wake(rank);
    }

    int size_;
    double ranks_per_processor_;
    uneven_barrier order_{uneven_barrier::register_process()};
    std::unique_ptr<std::atomic<slot*>[]> mailboxes_;
    std::unique_ptr<rank_sign[]> signs_;
    std::atomic<bool> failed_{false};
    std::mutex mutex_;
    std::optional<transport_failure> failure_;
    send_state* states_ = nullptr; ///< all that were ever made
    std::condition_variable gathering_; ///< survivors meet here; what follows is guarded by mutex_
    std::vector<int> survivors_;
    unsigned rounds_ = 0;
};

} // namespace chorus::detail
