#pragma once
/// Communicators: groups of ranks that call collectives together.

#include <chorus/runtime/context.hpp>
#include <chorus/runtime/operation.hpp>
#include <chorus/runtime/request.hpp>
#include <chorus/tuning/choose.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

class explanation;

/// A group of ranks, numbered from 0. Every rank of the group calls the same collectives in the same order; calls that
/// do not match are an error where that can be seen. Not copyable (`dup` makes another one), not thread-safe. Several
/// communicators of one context may have collectives in flight at the same time.
class communicator {
public:
    /// `split` with this colour takes part but gets no communicator.
    static constexpr int no_color = -1;

    communicator() = default; ///< belongs to nobody: valid() is false, every use is a usage_error
    /// All ranks of a context.
    explicit communicator(std::shared_ptr<context> owner) : group_(std::make_shared<detail::group>(std::move(owner))) {}
    communicator(communicator&&) noexcept = default;
    communicator& operator=(communicator&&) noexcept = default;

    bool valid() const { return group_ != nullptr; }
    int rank() const { return group_ ? group_->rank : -1; }
    int size() const { return group_ ? group_->size : 0; }
    /// The rank of a member in the context's first communicator: what error messages call it.
    int world_rank(int member) const { return group_->world_rank(member); }

    /// The ranks of equal colour, ordered by key, then by rank here. Collective.
    communicator split(int color, int key = 0);
    /// The same ranks once more, with a numbering of collectives of its own. Collective.
    communicator dup() { return split(0, rank()); }
    /// The given ranks in that order; an invalid communicator elsewhere. Collective over this communicator.
    communicator subgroup(std::span<int const> ranks);

    /// After a failure: the ranks that have not left, as a new communicator with which to continue. Collective over the
    /// survivors of the whole context, from whichever communicator they call it; everything older, requests too, is
    /// unusable from then on. Throws usage_error on transports that cannot (MPI), timeout_error where a rank neither calls
    /// it nor leaves.
    communicator shrink();

    /// Advances whatever is unfinished in this context. True if anything happened.
    bool progress() {
        require_valid();
        return owner().progress();
    }

    options const& settings() const {
        require_valid();
        return owner().settings();
    }
    std::shared_ptr<context> const& shared_context() const { return group_->owner; }

    /// rank -> number of its host, from 0 in order of first appearance.
    std::vector<int> hosts() const;

    /// What would run for a call: the name of the algorithm ("ring", "native") and its segments.
    choice chosen(operation const& call) {
        context::inside const guard(owner());
        return prepare(call).how;
    }
    /// The candidates for a call without a named algorithm, each with its times, and why one of them runs. `bytes` are of a
    /// vector, or of all blocks together. Local. Needs <chorus/runtime/explain_choice.hpp>.
    explanation explain(collective what, std::size_t bytes) const;

    /// What the ranks have agreed on (runtime/calibrate.hpp); null: what the transport says of itself.
    std::shared_ptr<tuning_table const> const& tuning() const {
        require_valid();
        return group_->tuning;
    }
    /// From now on calls are chosen by it, also in communicators that are split off. Collective: the same on all ranks.
    void adopt(std::shared_ptr<tuning_table const> table) {
        require_valid();
        group_->tuning = std::move(table);
        known_.clear();
    }

    /// Throws where this rank is no member, and the first failure again once there was one.
    void require_valid() const {
        if (!group_) detail::misuse({"this rank is not a member of the communicator"});
        group_->require_working();
    }

    // What the public collectives (collectives.hpp) are made of. `keep` lives as long as the request.
    void run(operation const& call);
    request start(operation const& call, std::shared_ptr<void const> keep);
    persistent_request prepare_persistent(operation const& call, std::shared_ptr<void const> keep);
    request start_message(operation const& call, int peer, bool sends);

private:
    /// A call of one shape after its algorithm was chosen: repeated calls only look it up.
    struct prepared {
        operation key;     ///< without its lengths
        std::size_t count = 0; ///< common_count of the call
        bool ragged = false;
        choice how;        ///< what runs
        std::string label; ///< the same as text
        std::uint64_t signature = 0;
        std::shared_ptr<detail::cached_program> home; ///< null: native
        bool forwards = false; ///< needs all counts
    };

    context& owner() const { return *group_->owner; }

    prepared const& prepare(operation const& call);
    prepared make_prepared(operation const& call) const;
    prepared const& remember(prepared made);
    std::uint64_t signature_of(operation const& call, std::string const& label) const;
    catalogue_entry const* choose_entry(operation const& call, choice const& how) const;
    [[noreturn]] void refuse(operation const& call, choice const& how, std::string_view why) const;
    choice_facts facts_of_call(operation const& call) const;
    /// What options and environment force for it.
    forced_choice forced(choice_facts const& facts) const;
    bool native_is_best(operation const& call, choice_facts const& facts) const;
    native_call native_call_of(operation const& call) const;
    void check_agreement(std::uint64_t signature);
    std::unique_ptr<detail::task> bound_task(operation const& call, prepared const& ready);
    void gather_counts(operation const& call);
    void begin(detail::task& what, operation const& call, std::uint64_t signature);
    /// Every rank's words, gathered: for split and checks. `out` gets size() * words.size() entries.
    void exchange_words(std::span<std::uint64_t const> words, plain_vector<std::uint64_t>& out);

    std::shared_ptr<detail::group> group_;
    std::vector<prepared> known_;
    std::size_t next_known_ = 0, last_known_ = 0;
    std::vector<std::shared_ptr<detail::cached_program>> messages_; ///< point-to-point, by peer and direction
    std::shared_ptr<detail::cached_program> agreement_; ///< the all-gather of exchange_words
    plain_vector<std::uint64_t> own_words_, words_;     ///< reused for checks and counts
    plain_vector<std::size_t> matrix_;                  ///< all_to_all_v with forwarding: everybody's counts
};

inline std::unique_ptr<detail::task> communicator::bound_task(operation const& call, prepared const& ready) {
    auto lengths = call.lengths;
    lengths.rank = rank();
    lengths.ranks = size();
    if (ready.forwards) {
        gather_counts(call);
        lengths.matrix = matrix_;
    }
    auto task = owner().take_task(ready.home);
    task->run->bind(lengths, call.fold);
    return task;
}

inline void communicator::begin(detail::task& what, operation const& call, std::uint64_t signature) {
    owner().limit_in_flight(group_->wire_number());
    owner().start(what, call.input, call.output, {group_->wire_number(), ++group_->sequence, signature, 0}, group_->members());
}

inline void communicator::run(operation const& call) {
    require_valid();
    context::inside const guard(owner());
    auto const& ready = prepare(call);
    if (owner().settings().checked) check_agreement(ready.signature);
    if (!ready.home) return owner().transport().native()->run(native_call_of(call));
    auto task = bound_task(call, ready);
    try {
        begin(*task, call, ready.signature);
        if (!task->run->done()) owner().wait(*task);
    } catch (...) {
        owner().stop(*task);
        throw;
    }
    owner().recycle(std::move(task));
}

inline request communicator::start(operation const& call, std::shared_ptr<void const> keep) {
    require_valid();
    context::inside const guard(owner());
    owner().shares_progress();
    auto const& ready = prepare(call);
    if (owner().settings().checked) check_agreement(ready.signature);
    auto task = ready.home ? bound_task(call, ready) : std::make_unique<detail::task>();
    task->keep = std::move(keep);
    if (ready.home) begin(*task, call, ready.signature);
    else owner().start_native(*task, native_call_of(call));
    return {group_, std::move(task)};
}

inline persistent_request communicator::prepare_persistent(operation const& call, std::shared_ptr<void const> keep) {
    require_valid();
    context::inside const guard(owner());
    owner().shares_progress();
    auto const& ready = prepare(call);
    if (owner().settings().checked) check_agreement(ready.signature);
    if (!ready.home) refuse(call, ready.how, "native collectives have no persistent form here");
    auto task = bound_task(call, ready);
    task->keep = std::move(keep);
    return {group_, std::move(task), call.input, call.output, ready.signature};
}

/// Point-to-point messages are schedules of one step, in the exchange 0 of the communicator.
inline request communicator::start_message(operation const& call, int peer, bool sends) {
    require_valid();
    context::inside const guard(owner());
    if (peer < 0 || peer >= size() || peer == rank())
        detail::misuse({"rank ", rank(), " cannot exchange messages with rank ", peer, " of ", size()});
    messages_.resize(2 * static_cast<std::size_t>(size()));
    auto& home = messages_[2 * static_cast<std::size_t>(peer) + (sends ? 1 : 0)];
    if (!home) {
        recorder into(collective::send_recv, rank(), size(), {0}, {0});
        record_sink sink(into);
        if (sends) sink.send(peer, into.whole(input_buffer));
        else sink.recv(peer, into.whole(output_buffer));
        home = std::make_shared<detail::cached_program>();
        auto recorded = std::move(into).finish();
        recorded.algorithm = "message";
        recorded.synchronises = true;
        home->code = std::make_shared<program const>(std::move(recorded));
        home->shape.what = collective::send_recv;
    }
    auto task = owner().take_task(home);
    task->run->bind(call.lengths, call.fold);
    auto const signature = make_signature(collective::send_recv, call.fold, call.lengths.uniform, {}, -1, {});
    owner().start(*task, call.input, call.output, {group_->wire_number(), 0, signature, 0}, group_->members());
    return {group_, std::move(task)};
}

} // namespace chorus

// The rest of its functions.
#include <chorus/runtime/prepare.hpp>
#include <chorus/runtime/split.hpp>
