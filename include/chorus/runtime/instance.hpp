#pragma once
/// The executor: one run of a program on a transport. Blocking, asynchronous and persistent calls all run here.
///
/// A step is *ready* when all its predecessors have finished. Ready local steps run at once. Messages are posted in the
/// order of their channel, at most `window` of a channel from the first unfinished one on: a send or a receive when it is ready, a
/// recv_reduce as soon as it is its turn (its message waits in staging memory, or is shown by the transport, until the
/// step is ready to fold). What lowering.hpp has found runs as one pass over all ranks' memory where that can be reached.
/// Starting an instance again allocates nothing.

#include <chorus/core/capacities.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/kernel/kernel.hpp>
#include <chorus/runtime/bound_program.hpp>
#include <chorus/runtime/folding.hpp>
#include <chorus/runtime/lowering.hpp>
#include <chorus/runtime/program.hpp>
#include <chorus/kernel/streaming.hpp>
#include <chorus/transport/detail/pieces.hpp>
#include <chorus/transport/erased.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace chorus {

class instance {
public:
    /// How far the messages of one channel that were posted may reach beyond the first unfinished one.
    static constexpr std::int32_t window = channel_window;

    [[gnu::cold]] instance(std::shared_ptr<program const> what, any_transport& over)
        : program_(std::move(what)), transport_(&over), views_(over.views()), bound_(*program_, over.gathers(), window),
          lowered_(*program_, window) {
        auto const count = program_->size();
        staging_.resize(count);
        waiting_.resize(count);
        state_.resize(count);
        plain_.resize(count);
        cursors_.resize(program_->channels().size());
        work_.reserve(2 * count + cursors_.size()); // every step once as such and once as its channel's
        memory_.reserve(bound_.most_pieces());
        std::size_t most_sources = 0, most_outs = 0;
        for (auto const& fold : lowered_.folds()) {
            most_sources = std::max(most_sources, fold.operands.size());
            most_outs = std::max(most_outs, fold.replies.size() + 1);
        }
        missing_.resize(lowered_.folds().size());
        sources_.resize(most_sources);
        outs_.resize(most_outs);
    }
    instance(instance const&) = delete;
    instance& operator=(instance const&) = delete;

    program const& what() const { return *program_; }
    std::shared_ptr<program const> const& shared_program() const { return program_; }

    /// Whether lengths and element type are those of the last time, so that only the kernel may be another one.
    bool rebind(block_lengths const& lengths, kernel const& fold) {
        kernel_ = fold;
        auto const scaled = std::exchange(scales_, program_->plan().ranks > 1 && !program_->plan().rounds_once && fold.finish != nullptr &&
                                                       fold.element == element_id::float16);
        return scaled == scales_ && bound_.is_bound_to(lengths, fold.element_bytes, fold.element_alignment);
    }
    /// Fixes lengths and element type.
    void bind(block_lengths const& lengths, kernel const& fold) {
        if (rebind(lengths, fold)) return;
        bound_.bind(lengths, fold.element_bytes, fold.element_alignment);
        if (scales_) bound_.bind_contribution();
        memory_.resize(bound_.pieces().size());
        placed_ = false;
        find_plain();
    }
    /// Bytes of scratch that `start` needs.
    std::size_t scratch_bytes() const { return bound_.scratch_bytes(); }

    /// Starts. `members` maps the schedule's ranks to the transport's; empty: the same. `slot` comes back in tokens.
    void start(void const* input, void* output, std::byte* scratch, exchange const& ex, std::span<int const> members,
               std::uint32_t slot) {
        exchange_ = ex;
        members_ = members;
        slot_ = slot;
        if (scales_) input = scale_contribution(static_cast<std::byte const*>(input), static_cast<std::byte*>(output), scratch);
        place(static_cast<std::byte*>(const_cast<void*>(input)), static_cast<std::byte*>(output), scratch);
        for (std::size_t i = 0; i < state_.size(); ++i) {
            waiting_[i] = lowered_.waits_for()[i];
            state_[i] = {};
        }
        for (auto& each : cursors_) each = {};
        for (std::size_t f = 0; f < missing_.size(); ++f) missing_[f] = lowered_.folds()[f].messages;
        unfinished_ = program_->size();
        work_.clear();
        if (bound_.is_short()) add_local(); // what comes first is at the end: messages, for which peers wait
        for (std::size_t c = cursors_.size(); c-- > 0;) work_.push_back(channel_work(static_cast<std::int32_t>(c)));
        if (!bound_.is_short()) add_local(); // before a peer reads the same memory
        drive();
    }

    bool done() const { return unfinished_ == 0; }
    void expect(bool start = true) { unfinished_ = start ? 1 : 0; } ///< not done before it was started; or never to be

    /// The transport has finished the message of step i.
    void complete(std::int32_t i, std::byte const* view) {
        auto& now = state_[static_cast<std::size_t>(i)];
        if (plain_[static_cast<std::size_t>(i)]) {
            finish(i);
            return drive();
        }
        if (!now.posted) { // a reply, before its receive's turn; the send that offered the memory comes next
            now.replied = true;
            return;
        }
        arrived_or_sent(i, views_ ? view : staging_[static_cast<std::size_t>(i)].data);
        drive();
    }

    /// The first message that was posted and has not finished, or -1: what a wait is waiting for.
    std::int32_t first_unfinished() const {
        for (std::size_t i = 0; i < state_.size(); ++i)
            if (state_[i].posted && !state_[i].finished) return static_cast<std::int32_t>(i);
        return -1;
    }
    /// Calls visit(i) for each message that was posted and has not finished.
    template <class Visit>
    void for_each_unfinished(Visit visit) const {
        for (std::size_t i = 0; i < state_.size(); ++i)
            if (state_[i].posted && !state_[i].finished) visit(static_cast<std::int32_t>(i));
    }
    std::size_t bytes_of(std::int32_t i) const { return bound_[i].bytes; }
    int transport_rank(int peer) const { return members_.empty() ? peer : members_[static_cast<std::size_t>(peer)]; }
    exchange const& running() const { return exchange_; }

private:
    struct progress {
        bool posted = false;
        bool arrived = false; ///< recv_reduce and what is part of a fold: the message is at `view`
        bool replied = false; ///< the message went another way: nothing is to be posted
        bool finished = false;
        std::byte const* view = nullptr;
    };
    struct cursor {
        std::int32_t next = 0;   ///< next message of the channel to post
        std::int32_t oldest = 0; ///< all before this one have finished; those from `next - window` on share no staging
    };

    // Work items: steps that have become ready are >= 0, channels that may be able to post are < 0.
    static std::int32_t channel_work(std::int32_t channel) { return -1 - channel; }

    /// Gives the bound pieces their addresses, unless they have them from the last time.
    void place(std::byte* input, std::byte* output, std::byte* scratch) {
        if (placed_ && base_[0] == input && base_[1] == output && scratch_ == scratch) return;
        base_[0] = input;
        base_[1] = output;
        scratch_ = scratch;
        for (std::size_t i = 0; i < memory_.size(); ++i) memory_[i] = {address(bound_.pieces()[i]), bound_.pieces()[i].bytes};
        placed_ = true;
    }
    std::byte* address(bound_piece const& p) const {
        if (p.buffer < first_scratch_buffer) return base_[p.buffer] + p.offset;
        return scratch_ + (bound_.scratch_offset(p.buffer) + p.offset);
    }
    std::span<piece const> source(std::int32_t i) const {
        auto const& b = bound_[i];
        return {memory_.data() + b.source_begin, b.source_end - b.source_begin};
    }
    std::span<piece const> target(std::int32_t i) const {
        auto const& b = bound_[i];
        return {memory_.data() + b.target_begin, b.target_end - b.target_begin};
    }

    void add_local() { work_.append(program_->ready_at_once()); }
    void drive() {
        while (!work_.empty()) {
            auto const item = work_.back();
            work_.pop_back();
            if (item < 0) advance(-1 - item);
            else became_ready(item);
        }
    }
    void became_ready(std::int32_t i) {
        auto const& s = (*program_)[i];
        if (auto const f = lowered_.fold_of(i); f != lowering::none) {
            if (missing_[static_cast<std::size_t>(f)] == 0 && !state_[static_cast<std::size_t>(i)].finished) run_fold(f);
        } else if (!s.is_message()) {
            run_local(i, s);
            finish(i);
        } else if (s.kind == step_kind::recv_reduce) {
            auto const& now = state_[static_cast<std::size_t>(i)]; // posted, arrived and folded since it was put here?
            if (now.arrived && !now.finished) fold_arrived(i);
        } else {
            work_.push_back(channel_work(program_->channel_of(i)));
        }
    }
    void advance(std::int32_t c) {
        auto const& line = program_->channels()[static_cast<std::size_t>(c)];
        auto& at = cursors_[static_cast<std::size_t>(c)];
        auto const count = static_cast<std::int32_t>(line.steps.size());
        while (at.next < count && at.next - at.oldest < window) {
            auto const i = line.steps[static_cast<std::size_t>(at.next)];
            auto const kind = (*program_)[i].kind;
            auto const folds = kind == step_kind::recv_reduce || lowered_.fold_of(i) != lowering::none;
            if (!folds && waiting_[static_cast<std::size_t>(i)] != 0) return;
            ++at.next;
            state_[static_cast<std::size_t>(i)].posted = true;
            post(i, line, kind);
        }
    }
    token token_of(std::int32_t i) const { return (std::uint64_t{slot_} << 32) | static_cast<std::uint32_t>(i); }
    void post(std::int32_t i, channel const& line, step_kind kind);
    /// Messages that are sent or received as they are: neither packed nor folded, without reply.
    void find_plain();
    /// The memory in which the message may be answered; none where the answer has come already.
    reply_offer offer_with(std::int32_t send) const;
    void arrived_or_sent(std::int32_t i, std::byte const* view);
    bool is_shown(std::int32_t i) const {
        auto const& now = state_[static_cast<std::size_t>(i)];
        return now.view != nullptr && now.view != staging_[static_cast<std::size_t>(i)].data && bound_[i].bytes > 0;
    }
    /// Not where an operator may read elements: transports align what they show for the usual types only.
    bool is_misaligned(std::byte const* view) const { return (reinterpret_cast<std::uintptr_t>(view) & (kernel_.element_alignment - 1)) != 0; }
    /// The sender must not wait for our slice to become free, nor an operator read what is misaligned.
    void stage(std::int32_t i);
    void fold_arrived(std::int32_t i) {
        if (fold_one(i)) finish(i);
    }
    bool fold_one(std::int32_t i) {
        return bound_[i].bytes == 0 || read_view(i, [&](std::byte const* view) {
            detail::fold_pieces(kernel_, source(i), target(i), view, (*program_)[i].received, bound_.streams());
        });
    }
    /// Calls read(view) and gives the view back. False where its sender has taken it back: the step never finishes then.
    template <class Read>
    bool read_view(std::int32_t i, Read read) {
        auto const shown = is_shown(i);
        if (shown && !transport_->touch(token_of(i))) return false;
        read(state_[static_cast<std::size_t>(i)].view);
        if (!shown) return true;
        if (!transport_->touch(token_of(i))) return false;
        transport_->release(token_of(i));
        return true;
    }

    // Of lowered folds (runtime/run_steps.hpp).
    void run_fold(std::int32_t f);
    bool in_one_pass(lowered_fold const& fold) const;
    bool fold_step_by_step(lowered_fold const& fold);
    bool fold_rows_of(lowered_fold const& fold);
    bool touch_all(lowered_fold const& fold);
    void fold_and_measure(fold_rows what);

    void finish(std::int32_t i);

    void run_local(std::int32_t i, step const& s) const;
    void scale(std::byte* to, std::byte const* from, std::size_t bytes, bool before) const;
    /// The input that the steps read: scaled, in scratch or, in place, where it lies.
    std::byte const* scale_contribution(std::byte const* input, std::byte* output, std::byte* scratch) const;

    std::shared_ptr<program const> program_;
    any_transport* transport_;
    bool views_;
    bool scales_ = false; ///< an average of float16 whose sums travel

    bound_program bound_;
    lowering lowered_;
    kernel kernel_;

    exchange exchange_;
    std::span<int const> members_;
    std::uint32_t slot_ = 0;
    std::byte* base_[2] = {};
    std::byte* scratch_ = nullptr;
    bool placed_ = false; ///< the pieces' addresses are those of these bases
    plain_vector<piece> memory_;  ///< the bound pieces with addresses
    plain_vector<piece> staging_; ///< per step: where its message is packed or waits to be folded
    plain_vector<std::int32_t> waiting_;
    plain_vector<progress> state_;
    plain_vector<bool> plain_; ///< see find_plain
    plain_vector<cursor> cursors_;
    plain_vector<std::int32_t> work_;
    plain_vector<int> missing_; ///< per fold: messages that are not there yet
    plain_vector<void const*> sources_;
    plain_vector<void*> outs_;
    detail::streaming_choice into_own_, into_others_; ///< of folds into the caller's memory alone, and into peers', too
    std::size_t unfinished_ = 0;
};

} // namespace chorus

#include <chorus/runtime/run_steps.hpp>
