#pragma once
/// Many small reductions as few large ones: the gradient buckets of training.

#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/signature.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace chorus {

/// All-reduces, in place, what is added to it. Small spans are gathered into buckets of one all_reduce each; a bucket starts by
/// itself when the next span does not fit, so that it is on its way while the next gradients are computed.
///
///     chorus::reduction_bucket<float, chorus::average> bucket(comm);
///     for (auto& layer : backwards(layers)) bucket.add(layer.gradient);
///     bucket.wait();                       // all gradients are averages now
///
/// Every rank adds spans of the same lengths in the same order, and calls flush() and wait() at the same places; another order of
/// lengths is told like any calls that do not match. Spans must stay alive and untouched until wait() has returned. Rounds that
/// repeat themselves allocate nothing.
///
/// After a failure the bucket is empty: it forgets what was added, and works again on what `shrink()` returned, once that was assigned to
/// the communicator that it was made with. wait() throws where shrink() came between add() and it.
///
/// Bits: levels 1 and 2 of determinism hold as for any all_reduce. A fused sum has other bits than the single ones may have,
/// since the length of a vector decides on the algorithm; with `deterministic{3}` they are the same.
///
/// Cost: one copy into the bucket and one back per element of a small span; spans of a whole bucket or more are reduced where
/// they are.
template <element T, class Op = std::plus<>>
class reduction_bucket {
    static_assert(std::is_trivially_copyable_v<T>, "chorus: a bucket copies its elements as bytes");
    static_assert(!std::is_same_v<T, bool>, "chorus: a bucket has no elements of type bool: use char, and std::logical_or<> or std::logical_and<>");

public:
    static constexpr std::size_t usual_bytes = std::size_t{4} << 20;

    explicit reduction_bucket(communicator& comm, std::size_t bytes = usual_bytes, Op op = {}, choice how = {})
        : comm_(&comm), capacity_(std::max<std::size_t>(1, bytes / sizeof(T))), op_(std::move(op)), how_(std::move(how)) {
        comm.require_valid();
        epoch_ = comm.shared_context()->epoch();
    }
    reduction_bucket(reduction_bucket const&) = delete;
    reduction_bucket& operator=(reduction_bucket const&) = delete;
    /// Waits for what has started; what was added and not flushed is left as it is.
    ~reduction_bucket() = default;

    /// Adds a vector. What it holds when its bucket starts counts: later changes are a race.
    template <output_buffer_of Data>
        requires std::same_as<detail::element_of<Data>, T>
    void add(Data&& data) {
        if (is_from_before_shrink()) forget();
        std::span<T> const what(detail::address_of<true>(static_cast<Data&&>(data)), std::ranges::size(data));
        if (what.size() >= capacity_) return alone_.push_back(start(what, detail::mix(no_parts, what.size())));
        if (filled_ + what.size() > capacity_) flush();
        added_.push_back(what);
        filled_ += what.size();
    }

    /// Starts what has been gathered.
    void flush() {
        require_current();
        if (added_.empty()) return;
        if (started_ == buckets_.size()) buckets_.push_back(std::make_unique<bucket>());
        auto& next = *buckets_[started_++];
        next.memory.resize(filled_);
        next.parts.assign(added_.begin(), added_.end());
        auto* at = next.memory.data();
        auto lengths = no_parts;
        for (auto const& each : next.parts) {
            lengths = detail::mix(lengths, each.size());
            if (!each.empty()) std::memcpy(at, each.data(), each.size_bytes());
            at += each.size();
        }
        added_.clear();
        filled_ = 0;
        next.running = start(next.memory, lengths);
    }

    /// Starts the rest, and returns when every vector that was added holds its result.
    void wait() {
        flush();
        try {
            finish();
        } catch (...) {
            forget();
            throw;
        }
    }

    /// Collectives so far, up to the last wait().
    std::size_t collectives() const { return total_; }

private:
    struct bucket {
        std::vector<T> memory;
        std::vector<std::span<T>> parts;
        request running; ///< ends before what it works on
    };
    static constexpr std::uint32_t no_parts = 0;

    void finish() {
        for (std::size_t i = 0; i < started_; ++i) {
            auto& each = *buckets_[i];
            each.running.wait();
            auto const* from = each.memory.data();
            for (auto const& part : each.parts) {
                if (!part.empty()) std::memcpy(part.data(), from, part.size_bytes());
                from += part.size();
            }
        }
        for (auto& each : alone_) each.wait();
        total_ += started_ + alone_.size();
        started_ = 0;
        alone_.clear();
    }

    /// `lengths`: of its parts, in their order; it goes into what the ranks compare.
    request start(std::span<T> data, std::uint32_t lengths) try {
        auto call = detail::base_operation<collective::all_reduce, T>(*comm_, op_, how_);
        call.fold.hash = detail::hash_word(lengths, call.fold.hash);
        call.in_place = true;
        call.output = data.data();
        call.lengths.uniform = data.size();
        return detail::asynchronous{}(*comm_, std::move(call), op_);
    } catch (...) {
        forget();
        throw;
    }
    bool is_from_before_shrink() const { return epoch_ != comm_->shared_context()->epoch(); }
    /// Throws where what was added must not be touched any more, and forgets it.
    void require_current() try {
        if (added_.empty() && started_ == 0 && alone_.empty()) return;
        comm_->require_valid();
        if (is_from_before_shrink()) detail::misuse({"reduction_bucket: what was added before shrink() is forgotten: add it again"});
    } catch (...) {
        forget();
        throw;
    }
    /// Drops all that was added, and what has started: of a failed context, or of none.
    void forget() {
        added_.clear();
        filled_ = 0;
        for (auto& each : buckets_) each->running = request();
        started_ = 0;
        alone_.clear();
        epoch_ = comm_->shared_context()->epoch();
    }

    communicator* comm_;
    std::size_t capacity_, filled_ = 0; ///< elements
    Op op_;
    choice how_;
    std::vector<std::span<T>> added_;
    std::vector<std::unique_ptr<bucket>> buckets_; ///< the first `started_` of them are on their way
    std::size_t started_ = 0, total_ = 0;
    std::uint32_t epoch_; ///< of the context, when it was empty last
    std::vector<request> alone_;
};

} // namespace chorus
