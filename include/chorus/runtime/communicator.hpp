#pragma once
/// Communicators: groups of ranks that call collectives together.

#include <chorus/algorithm/all_gather/bruck.hpp>
#include <chorus/runtime/context.hpp>
#include <chorus/runtime/operation.hpp>
#include <chorus/runtime/request.hpp>
#include <chorus/tuning/choose.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

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
    choice chosen(operation const& call) { return prepare(call).how; }

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
    [[noreturn]] void refuse(operation const& call, std::string_view why) const;
    choice_facts facts_of_call(operation const& call) const;
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

namespace detail {

inline bool same_shape(operation const& a, operation const& b) {
    return a.what == b.what && a.in_place == b.in_place && a.root == b.root && a.fold.hash == b.fold.hash &&
           a.fold.commutative == b.fold.commutative && a.how == b.how;
}

/// Elements of a vector or block, as the choice of an algorithm sees them. Of unequal blocks the largest, rounded up to
/// a power of two: the choice depends on nothing else, so that it is the same on ranks that remember different calls.
inline std::size_t common_count(operation const& call) {
    auto largest = call.lengths.uniform;
    if (call.counts_known_to_all)
        for (auto const each : call.lengths.counts) largest = std::max(largest, std::bit_ceil(each));
    return largest;
}

} // namespace detail

inline choice_facts communicator::facts_of_call(operation const& call) const {
    choice_facts facts;
    facts.what = call.what;
    facts.ranks = size();
    facts.bytes = detail::common_count(call) * call.fold.element_bytes;
    facts.commutative = !has_operator(call.what) || call.fold.commutative;
    facts.exact_counts = call.counts_known_to_all;
    facts.speed = owner().transport().estimates();
    if (auto const asked = owner().settings().segment_bytes; asked > 0) facts.speed.segment_bytes = asked;
    return facts;
}

inline native_call communicator::native_call_of(operation const& call) const {
    native_call native;
    native.what = call.what;
    native.communicator = group_->number;
    native.members = group_->members();
    native.root = call.root;
    native.input = call.in_place ? nullptr : call.input;
    native.output = call.output;
    native.count = call.lengths.uniform;
    native.counts = call.lengths.counts;
    native.incoming_counts = call.lengths.incoming;
    native.input_displacements = call.lengths.input_displacements;
    native.output_displacements = call.lengths.output_displacements;
    native.what_to_fold = &call.fold;
    return native;
}

[[gnu::cold]] inline void communicator::refuse(operation const& call, std::string_view why) const {
    detail::misuse({"rank ", rank(), ": ", call.how.name, " cannot run this ", name(call.what), ": ", why});
}

/// The catalogue entry that will run. Null: the caller's own algorithm.
[[gnu::cold]] inline catalogue_entry const* communicator::choose_entry(operation const& call, choice const& how) const {
    if (how.custom != nullptr) return nullptr;
    auto const facts = facts_of_call(call);
    auto* const native = owner().transport().native();
    if (how.automatic()) {
        auto const* const entry = find(call.entries, "native");
        if (entry != nullptr && native != nullptr && owner().may_block_natively() && native->has(native_call_of(call)) &&
            native->prefers(native_call_of(call)))
            return entry;
        auto const* const best = choose(call.entries, facts);
        if (best == nullptr) refuse(call, "no algorithm of the catalogue serves it");
        return best;
    }
    auto const* const entry = find(call.entries, how.name);
    if (entry == nullptr) {
        std::string known = "the catalogue has";
        for (auto const& each : call.entries) detail::append(known, {&each == call.entries.data() ? " " : ", ", each.name});
        refuse(call, known);
    }
    if (entry->record == nullptr) {
        if (native == nullptr) refuse(call, detail::text({"the transport ", owner().transport().name(), " has no collectives of its own"}));
        if (!native->has(native_call_of(call))) refuse(call, "the transport's own does not know this element type, operator or count");
        return entry;
    }
    if (!facts.commutative && !entry->keeps_order)
        refuse(call, "it reorders operands, and the operator is not known to be commutative (see chorus::commutative)");
    if (entry->refuses != nullptr)
        if (auto const why = entry->refuses(size(), how); !why.empty()) refuse(call, why);
    return entry;
}

inline std::uint64_t communicator::signature_of(operation const& call, std::string const& label) const {
    auto const counts = call.counts_known_to_all ? call.lengths.counts : std::span<std::size_t const>();
    return make_signature(call.what, call.fold, call.lengths.uniform, counts, has_root(call.what) ? call.root : -1, label);
}

[[gnu::cold]] inline communicator::prepared communicator::make_prepared(operation const& call) const {
    prepared ready;
    ready.key = call;
    ready.key.lengths = {}; // they belong to the caller
    ready.count = detail::common_count(call);
    ready.ragged = !call.lengths.is_uniform();
    ready.how = call.how;
    if (ready.how.name == "hierarchical" && (!ready.how.levels || ready.how.levels->group_of.empty())) {
        auto levels = ready.how.levels ? *ready.how.levels : hierarchy{};
        levels.group_of = hosts();
        ready.how.levels = std::make_shared<hierarchy const>(std::move(levels));
    }
    auto const* const entry = choose_entry(call, ready.how);
    if (entry != nullptr) ready.how.name = entry->name;
    if (entry == nullptr || entry->record != nullptr) {
        call_shape shape{call.what, rank(), size(), has_root(call.what) ? call.root : 0, call.in_place, call.fold.finish != nullptr, 1};
        shape.segments = ready.how.segments > 0
                             ? ready.how.segments
                             : choose_segments(entry, facts_of_call(call));
        ready.how.segments = shape.segments > 1 ? shape.segments : 0;
        ready.home = owner().find_program(shape, entry != nullptr ? entry->record : ready.how.custom, ready.how);
        ready.forwards = !call.counts_known_to_all && (entry == nullptr || entry->forwards_blocks);
    }
    ready.label = to_string(ready.how);
    ready.signature = signature_of(call, ready.label);
    return ready;
}

inline communicator::prepared const& communicator::prepare(operation const& call) {
    auto const count = detail::common_count(call);
    auto const ragged = !call.lengths.is_uniform();
    for (std::size_t i = 0; i < known_.size(); ++i) { // programs repeat themselves: what followed last time comes first
        last_known_ = last_known_ + 1 < known_.size() ? last_known_ + 1 : 0;
        auto& each = known_[last_known_];
        if (each.count != count || each.ragged != ragged || !detail::same_shape(each.key, call)) continue;
        if (!call.lengths.counts.empty()) each.signature = signature_of(call, each.label);
        return each;
    }
    return remember(make_prepared(call));
}

[[gnu::cold]] inline communicator::prepared const& communicator::remember(prepared made) {
    constexpr std::size_t most_known = 128;
    if (known_.size() < most_known) {
        last_known_ = known_.size();
        known_.push_back(std::move(made));
        return known_.back();
    }
    next_known_ = (next_known_ + 1) % most_known; // replaced in the order in which they came
    last_known_ = next_known_;
    return known_[next_known_] = std::move(made);
}

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

/// Everybody's counts. The blocks that arrive must be as long as the caller has made room for.
[[gnu::cold]] inline void communicator::gather_counts(operation const& call) {
    own_words_.clear();
    for (auto const each : call.lengths.counts) own_words_.push_back(each);
    exchange_words(own_words_, words_);
    matrix_.clear();
    for (auto const each : words_) matrix_.push_back(static_cast<std::size_t>(each));
    auto const ranks = static_cast<std::size_t>(size()), self = static_cast<std::size_t>(rank());
    for (std::size_t from = 0; from < ranks; ++from) {
        auto const sent = matrix_[from * ranks + self], expected = call.lengths.incoming[from];
        if (sent == expected) continue;
        detail::misuse({"rank ", world_rank(rank()), ": ", name(call.what), ": rank ", world_rank(static_cast<int>(from)), " sends ",
                        sent, " elements where ", expected, " are expected"});
    }
}

inline void communicator::begin(detail::task& what, operation const& call, std::uint64_t signature) {
    owner().limit_in_flight(group_->wire_number());
    owner().start(what, call.input, call.output, {group_->wire_number(), ++group_->sequence, signature, 0}, group_->members());
}

inline void communicator::run(operation const& call) {
    require_valid();
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
    owner().shares_progress();
    auto const& ready = prepare(call);
    if (owner().settings().checked) check_agreement(ready.signature);
    if (!ready.home) refuse(call, "native collectives have no persistent form here");
    auto task = bound_task(call, ready);
    task->keep = std::move(keep);
    return {group_, std::move(task), call.input, call.output, ready.signature};
}

/// Point-to-point messages are schedules of one step, in the exchange 0 of the communicator.
inline request communicator::start_message(operation const& call, int peer, bool sends) {
    require_valid();
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

[[gnu::cold]] inline void communicator::exchange_words(std::span<std::uint64_t const> words, plain_vector<std::uint64_t>& out) {
    out.resize(words.size() * static_cast<std::size_t>(size()));
    if (!agreement_) {
        choice how;
        how.name = "agreement";
        record_function const algorithm = [](record_sink& sink, arguments const& args) { bruck_all_gather(sink, args.blocks); };
        call_shape const shape{collective::all_gather, rank(), size(), 0, false, false, 1};
        agreement_ = owner().find_program(shape, algorithm, how);
    }
    auto task = owner().take_task(agreement_);
    block_lengths lengths;
    lengths.uniform = words.size();
    task->run->bind(lengths, copy_kernel<std::uint64_t>());
    auto const signature = make_signature(collective::all_gather, copy_kernel<std::uint64_t>(), words.size(), {}, -1, "agreement");
    try {
        owner().start(*task, words.data(), out.data(), {group_->wire_number(), ++group_->sequence, signature, 0}, group_->members());
        owner().wait(*task);
    } catch (...) {
        owner().stop(*task);
        throw;
    }
    owner().recycle(std::move(task));
}

[[gnu::cold]] inline void communicator::check_agreement(std::uint64_t signature) {
    std::array<std::uint64_t, 1> const mine{signature};
    exchange_words(mine, words_);
    for (int other = 0; other < size(); ++other) {
        auto const theirs = words_[static_cast<std::size_t>(other)];
        if (theirs == signature) continue;
        auto const ours = describe_signature(signature), them = describe_signature(theirs);
        detail::misuse({"calls do not match: rank ", world_rank(rank()), " calls ", ours, ", rank ", world_rank(other), " calls ",
                        them, ours == them ? " (root, algorithm, counts or operator differ)" : ""});
    }
}

[[gnu::cold]] inline communicator communicator::split(int color, int key) {
    require_valid();
    owner().shares_progress();
    constexpr auto mask_words = context::most_communicators / 64;
    plain_vector<std::uint64_t> mine(2 + mask_words), all;
    mine[0] = static_cast<std::uint64_t>(static_cast<std::int64_t>(color));
    mine[1] = static_cast<std::uint64_t>(static_cast<std::int64_t>(key));
    for (std::size_t i = 0; i < context::most_communicators; ++i)
        if (owner().numbers_in_use().test(i)) mine[2 + i / 64] |= std::uint64_t{1} << (i % 64);
    exchange_words(mine, all);
    auto const word = [&](int rank, std::size_t i) { return all[static_cast<std::size_t>(rank) * mine.size() + i]; };

    // The lowest number that no rank here uses: the groups of one split may share it, since they are disjoint.
    std::uint32_t number = 0;
    for (std::uint32_t i = 1; number == 0 && i < context::most_communicators; ++i) {
        auto used = false;
        for (int r = 0; r < size(); ++r) used = used || ((word(r, 2 + i / 64) >> (i % 64)) & 1u) != 0;
        if (!used) number = i;
    }
    if (number == 0) detail::misuse({"more than 1023 communicators at once"});
    if (color < 0) return {};

    struct member {
        std::int64_t key;
        int rank;
    };
    plain_vector<member> order;
    for (int r = 0; r < size(); ++r) {
        if (static_cast<std::int64_t>(word(r, 0)) != color) continue;
        auto const its_key = static_cast<std::int64_t>(word(r, 1));
        auto place = order.size();
        while (place > 0 && order[place - 1].key > its_key) --place;
        order.insert(place, {its_key, r});
    }
    communicator result;
    result.group_ = std::make_shared<detail::group>(group_->owner);
    for (auto const& each : order) {
        if (each.rank == rank()) result.group_->rank = static_cast<int>(result.group_->ranks.size());
        result.group_->ranks.push_back(world_rank(each.rank));
    }
    result.group_->size = static_cast<int>(order.size());
    result.group_->number = number;
    owner().numbers_in_use().set(number);
    return result;
}

inline communicator communicator::subgroup(std::span<int const> ranks) {
    require_valid();
    plain_vector<bool> seen(static_cast<std::size_t>(size()));
    int position = no_color;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        auto const r = ranks[i];
        if (r < 0 || r >= size()) detail::misuse({"subgroup names rank ", r, " of ", size()});
        if (seen[static_cast<std::size_t>(r)]) detail::misuse({"subgroup names rank ", r, " twice"});
        seen[static_cast<std::size_t>(r)] = true;
        if (r == rank()) position = static_cast<int>(i);
    }
    return split(position < 0 ? no_color : 0, position);
}

inline communicator communicator::shrink() {
    if (!group_) require_valid();
    auto const owner = group_->owner;
    communicator result;
    auto survivors = owner->renew();
    result.group_ = std::make_shared<detail::group>(owner);
    result.group_->rank = 0;
    while (survivors[static_cast<std::size_t>(result.group_->rank)] != owner->rank()) ++result.group_->rank;
    result.group_->size = static_cast<int>(survivors.size());
    result.group_->ranks = std::move(survivors);
    return result;
}

[[gnu::cold]] inline std::vector<int> communicator::hosts() const {
    std::vector<int> seen, result;
    for (int r = 0; r < size(); ++r) {
        auto const host = owner().transport().host_of(world_rank(r));
        std::size_t number = 0;
        while (number < seen.size() && seen[number] != host) ++number;
        if (number == seen.size()) seen.push_back(host);
        result.push_back(static_cast<int>(number));
    }
    return result;
}

} // namespace chorus
