#pragma once
/// From a call to what runs: the algorithm is chosen and recorded once for calls of the same shape. Part of
/// communicator.hpp.

#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/group.hpp>
#include <chorus/runtime/signature.hpp>
#include <chorus/tuning/choose.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace chorus {

namespace detail {

/// Equal, without a look at what they refer to: cheap, and nearly always enough.
inline bool identical(choice const& a, choice const& b) {
    return a.name.data() == b.name.data() && a.name.size() == b.name.size() && a.radix == b.radix && a.segments == b.segments &&
           a.levels == b.levels && a.custom == b.custom && a.determinism == b.determinism;
}
inline bool same_shape(operation const& a, operation const& b) {
    return a.what == b.what && a.in_place == b.in_place && a.root == b.root && a.fold.hash == b.fold.hash &&
           a.fold.commutative == b.fold.commutative && (identical(a.how, b.how) || a.how == b.how);
}

/// Sums and products of 16-bit floats, which are computed in float.
inline bool rounds_small_floats(kernel const& fold) {
    return (fold.element == element_id::float16 || fold.element == element_id::bfloat16) && fold.operation != operator_id::custom && !fold.exact;
}

/// Elements of a vector or block, as the choice of an algorithm sees them. Of unequal blocks the largest, rounded up to
/// a power of two: the choice depends on nothing else, so that it is the same on ranks that remember different calls.
inline std::size_t common_count(operation const& call) {
    auto largest = call.lengths.uniform;
    if (call.counts_known_to_all)
        for (auto const each : call.lengths.counts) largest = std::max(largest, std::bit_ceil(each));
    return largest;
}

/// Segments that a caller names: no more than elements, and than can be recorded in a moment (what takes the square of their number). The
/// same on all ranks.
inline int bounded_segments(int named, operation const& call, int ranks) {
    auto most = static_cast<std::size_t>(std::clamp(2048 / ranks, 64, 512));
    if (call.counts_known_to_all) most = std::min(most, std::max<std::size_t>(1, common_count(call)));
    return static_cast<int>(std::min(static_cast<std::size_t>(named), most));
}

} // namespace detail

CHORUS_INLINE choice_facts communicator::facts_of_call(operation const& call) const {
    choice_facts facts;
    facts.what = call.what;
    facts.ranks = size();
    facts.bytes = detail::common_count(call) * call.fold.element_bytes;
    facts.commutative = !has_operator(call.what) || call.fold.commutative;
    facts.exact = !has_operator(call.what) || call.fold.exact;
    facts.determinism = std::max({call.how.determinism, owner().settings().determinism, group_->determinism});
    facts.exact_counts = call.counts_known_to_all;
    facts.shared_buffers = group_->shared_buffers;
    facts.speed = owner().transport().estimates();
    if (group_->tuning) {
        facts.table = group_->tuning.get();
        if (auto const transport = facts.speed; facts.table->calibrated) {
            facts.speed = facts.table->speed;
            facts.speed.copies_private = transport.copies_private;
            facts.speed.reads_in_place = transport.reads_in_place;
            facts.speed.copied_segment_bytes = transport.copied_segment_bytes;
        }
    }
    if (auto const asked = owner().settings().segment_bytes; asked > 0) {
        facts.speed.segment_bytes = asked;
        facts.speed.copied_segment_bytes = 0;
    }
    return facts;
}

CHORUS_INLINE native_call communicator::native_call_of(operation const& call) const {
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
    native.timeout = owner().settings().timeout;
    return native;
}

[[gnu::cold]] CHORUS_INLINE void communicator::refuse(operation const& call, choice const& how, std::string_view why) const {
    auto const rule = forced(facts_of_call(call));
    auto const is_forced = call.how.automatic() && !rule.how.automatic();
    auto const who = how.custom != nullptr ? std::string_view("an algorithm of the caller's own") : how.automatic() ? "auto" : how.name;
    detail::misuse({"rank ", rank(), ": ", who, " cannot run this ", name(call.what), ": ", why,
                    is_forced ? detail::text({" (", rule.found_in, " says '", rule.rule, "')"}) : std::string()});
}

[[gnu::cold]] CHORUS_INLINE forced_choice communicator::forced(choice_facts const& facts) const {
    forced_choice found;
    found.what = facts.what;
    found.bytes = facts.total_bytes();
    owner().find_forced(found);
    return found;
}

/// Measured times decide where there are any, otherwise the transport's own opinion.
[[gnu::cold]] CHORUS_INLINE bool communicator::native_is_best(operation const& call, choice_facts const& facts) const {
    auto* const native = owner().transport().native();
    auto const* const entry = find(call.entries, "native");
    if (entry == nullptr || native == nullptr || !owner().may_block_natively() || !native->has(native_call_of(call))) return false;
    if (!holds(facts.determinism, facts.what, entry->name, facts.ranks, facts.exact)) return false;
    auto const time = measured(*entry, facts);
    if (time < 0) return native->prefers(native_call_of(call));
    auto const* const best = choose(call.entries, facts);
    return best == nullptr || measured(*best, facts) < 0 || time < measured(*best, facts);
}

/// The catalogue entry that will run. Null: the caller's own algorithm.
[[gnu::cold]] CHORUS_INLINE catalogue_entry const* communicator::choose_entry(operation const& call, choice const& how) const {
    auto const facts = facts_of_call(call);
    if (how.custom != nullptr) {
        if (!holds(facts.determinism, facts.what, how.name, facts.ranks, facts.exact))
            refuse(call, how, detail::text({"nobody knows whether it holds determinism level ", facts.determinism}));
        return nullptr;
    }
    if (how.automatic()) {
        if (native_is_best(call, facts)) return find(call.entries, "native");
        auto const* const best = choose(call.entries, facts);
        if (best == nullptr && facts.determinism > 2) refuse(call, how, detail::text({"no algorithm holds determinism level ", facts.determinism}));
        if (best == nullptr) refuse(call, how, "no algorithm of the catalogue serves it");
        return best;
    }
    auto const* const entry = find(call.entries, how.name);
    if (entry == nullptr) {
        std::string known = "the catalogue has";
        for (auto const& each : call.entries) detail::append(known, {&each == call.entries.data() ? " " : ", ", each.name});
        refuse(call, how, known);
    }
    if (entry->record == nullptr) {
        auto* const native = owner().transport().native();
        if (native == nullptr) refuse(call, how, detail::text({"the transport ", owner().transport().name(), " has no collectives of its own"}));
        if (!native->has(native_call_of(call))) refuse(call, how, "the transport's own does not know this element type, operator or count");
    }
    if (!facts.commutative && !entry->keeps_order)
        refuse(call, how, "it reorders operands, and the operator is not known to be commutative (see chorus::commutative)");
    if (!holds(facts.determinism, facts.what, entry->name, facts.ranks, facts.exact))
        refuse(call, how, detail::text({"it does not hold determinism level ", facts.determinism}));
    if (entry->refuses != nullptr)
        if (auto const why = entry->refuses(size(), how); !why.empty()) refuse(call, how, why);
    return entry;
}

CHORUS_INLINE std::uint64_t communicator::signature_of(operation const& call, std::string const& label) const {
    auto const counts = call.counts_known_to_all ? call.lengths.counts : std::span<std::size_t const>();
    return make_signature(call.what, call.fold, call.lengths.uniform, counts, has_root(call.what) ? call.root : -1, label);
}

[[gnu::cold]] CHORUS_INLINE communicator::prepared communicator::make_prepared(operation const& call) const {
    prepared ready;
    ready.key = call;
    ready.key.lengths = {}; // they belong to the caller
    ready.count = detail::common_count(call);
    ready.ragged = !call.lengths.is_uniform();
    ready.how = call.how;
    if (call.how.automatic() && call.how.custom == nullptr)
        if (auto const rule = forced(facts_of_call(call)); !rule.how.automatic()) ready.how = rule.how;
    if (ready.how.name == "hierarchical" && (!ready.how.levels || ready.how.levels->group_of.empty())) {
        auto levels = ready.how.levels ? *ready.how.levels : hierarchy{};
        levels.group_of = hosts();
        ready.how.levels = std::make_shared<hierarchy const>(std::move(levels));
    }
    auto const* const entry = choose_entry(call, ready.how);
    if (entry != nullptr) ready.how.name = entry->name;
    ready.how.determinism = 0; // has been seen to
    if (entry == nullptr || entry->record != nullptr) {
        call_shape shape{call.what, rank(), size(), has_root(call.what) ? call.root : 0, call.in_place, call.fold.finish != nullptr, 1};
        shape.rounds_once = entry != nullptr && entry->rounds_once && detail::rounds_small_floats(call.fold);
        shape.segments = ready.how.segments > 0
                             ? detail::bounded_segments(ready.how.segments, call, size())
                             : choose_segments(entry, facts_of_call(call));
        ready.how.segments = shape.segments > 1 ? shape.segments : 0;
        ready.home = owner().find_program(shape, entry != nullptr ? entry->record : ready.how.custom, ready.how);
        ready.forwards = !call.counts_known_to_all && (entry == nullptr || entry->forwards_blocks);
    }
    ready.label = to_string(ready.how);
    ready.signature = signature_of(call, ready.label);
    return ready;
}

CHORUS_INLINE communicator::prepared const& communicator::prepare(operation const& call) {
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

[[gnu::cold]] CHORUS_INLINE communicator::prepared const& communicator::remember(prepared made) {
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

} // namespace chorus
