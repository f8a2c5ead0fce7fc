#pragma once
/// What error messages say: where a rank was when something failed, and whose fault it is.

#include <chorus/core/errors.hpp>
#include <chorus/runtime/instance.hpp>
#include <chorus/runtime/signature.hpp>
#include <chorus/transport/erased.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace chorus::detail {

/// Where this rank is, which waits for `mine` (null: for nothing in particular).
[[gnu::cold]] inline place_of_failure place_of(any_transport const& transport, instance const* mine) {
    place_of_failure where;
    where.rank = transport.rank();
    if (mine == nullptr) return where;
    auto const& plan = mine->what().plan();
    where.collective = name(plan.what);
    where.sequence = mine->running().sequence;
    where.algorithm = plan.algorithm;
    auto const waiting = mine->first_unfinished();
    if (waiting < 0) return where;
    auto const& s = plan.steps[static_cast<std::size_t>(waiting)];
    where.step = s.index;
    where.peer = mine->transport_rank(s.peer);
    where.bytes = mine->bytes_of(waiting);
    return where;
}

/// Two ranks called different things.
[[gnu::cold]] inline std::string describe_mismatch(transport_failure const& why, int rank, instance const* mine) {
    auto const own = why.ours == 0 && mine != nullptr ? mine->running().signature : why.ours;
    auto const ours = own != 0 ? describe_signature(own) : "this call", theirs = describe_signature(why.signature);
    auto said = text({"calls do not match: rank ", rank, " calls ", ours, ", rank ", why.rank, " calls ", theirs});
    if (own == why.signature) append(said, {"; rank ", why.rank, " ", why.text});
    else if (ours == theirs) append(said, {unseen_difference});
    return said;
}

/// The same for all ranks to tell: in words that need no more than themselves.
[[gnu::cold]] inline transport_failure as_told(transport_failure why, int rank, instance const* mine) {
    if (why.told) return why;
    if (why.why == transport_failure::kind::mismatch) why.text = describe_mismatch(why, rank, mine);
    if (why.why == transport_failure::kind::broken) why.why = transport_failure::kind::revoked, why.rank = rank; // this rank's machinery
    why.told = true;
    return why;
}

/// The exception for it: of the same type on all ranks, each with its own place.
[[gnu::cold]] inline std::exception_ptr explain(transport_failure const& failure, any_transport const& transport, instance const* mine) {
    auto where = place_of(transport, mine);
    auto const why = as_told(failure, where.rank, mine);
    if (why.rank >= 0 && why.rank != where.rank) where.peer = why.rank;
    auto said = why.text;
    if (why.why == transport_failure::kind::left) said = text({"rank ", why.rank, " ", why.text});
    if (why.why == transport_failure::kind::revoked && why.rank != where.rank) {
        constexpr std::string_view ours = "chorus: "; // once is enough
        auto its_own = std::string_view(why.text);
        if (its_own.starts_with(ours)) its_own.remove_prefix(ours.size());
        said = text({"rank ", why.rank, " gave up: ", without_rank(its_own, why.rank)});
    }
    if (why.why == transport_failure::kind::mismatch) return std::make_exception_ptr(usage_error(text({"chorus: ", describe(where), ": ", said})));
    if (why.why == transport_failure::kind::late) return std::make_exception_ptr(timeout_error(said, where));
    return std::make_exception_ptr(transport_error(said, where));
}

/// The rank that is waited for may have entered something else, from which it needs no message of ours (another root, say), or which
/// this rank has passed: `recent` are its own calls of late.
inline std::optional<transport_failure> different_call(any_transport& transport, instance const& mine, std::span<exchange const> recent) {
    auto const waiting = mine.first_unfinished();
    if (waiting < 0 || mine.running().sequence == 0) return std::nullopt;
    auto const peer = mine.transport_rank(mine.what()[waiting].peer);
    auto const theirs = transport.last_entered(peer);
    if (!theirs || theirs->communicator != mine.running().communicator) return std::nullopt;
    for (auto const& ours : recent)
        if (matches(*theirs, ours) && theirs->signature != ours.signature)
            return transport_failure{transport_failure::kind::mismatch, peer, {}, theirs->signature, ours.signature};
    return std::nullopt;
}

/// How long ago a rank was in a wait; nothing where the transport does not tell.
[[gnu::cold]] inline std::optional<std::chrono::milliseconds> silence_of(any_transport& transport, int rank) {
    auto const last = transport.activity(rank);
    if (!last) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - last->seen);
}

/// Of the ranks whose messages are missing, the one that was seen longest ago; -1 where nothing is missing.
[[gnu::cold]] inline int awaited_rank(any_transport& transport, instance const* mine) {
    auto found = -1;
    auto seen = clock::time_point::max();
    if (mine == nullptr) return found;
    mine->for_each_unfinished([&](std::int32_t i) {
        auto const peer = mine->transport_rank(mine->what()[i].peer);
        auto const at = transport.activity(peer).value_or(rank_activity{}).seen;
        if (at >= seen) return;
        seen = at;
        found = peer;
    });
    return found;
}

/// The rank that is waited for may itself wait for another: from wait to wait to one that does not answer, or that nothing leads
/// on from.
[[gnu::cold]] inline int end_of_waits(any_transport& transport, int first, std::chrono::milliseconds patience) {
    auto rank = first;
    for (int hops = 0; hops < transport.size(); ++hops) {
        auto const now = transport.activity(rank);
        auto const silence = silence_of(transport, rank);
        if (!silence || *silence > patience / 2 || now->awaits < 0 || now->awaits == transport.rank()) break;
        rank = now->awaits;
    }
    return rank;
}

/// A member that never came; -1 where all did.
[[gnu::cold]] inline int absent_rank(any_transport& transport, instance const& mine) {
    auto const& ours = mine.running();
    for (int i = 0; ours.sequence != 0 && i < mine.what().plan().ranks; ++i) {
        auto const member = mine.transport_rank(i);
        if (member == transport.rank()) continue;
        auto const last = transport.last_entered(member);
        if (last && last->communicator == ours.communicator && last->sequence < ours.sequence) return member;
    }
    return -1;
}

/// Who has kept this rank waiting, and what is known of it.
[[gnu::cold]] inline transport_failure whom_to_blame(any_transport& transport, instance const& mine, std::chrono::milliseconds patience) {
    auto const& ours = mine.running();
    auto const where = place_of(transport, &mine);
    auto culprit = end_of_waits(transport, awaited_rank(transport, &mine), patience);
    auto const silence = silence_of(transport, culprit);
    auto const silent = silence && *silence > patience / 2;
    if (auto const absent = absent_rank(transport, mine); absent >= 0 && !silent) culprit = absent;
    auto const last = transport.last_entered(culprit);
    auto const known = last && (last->sequence != 0 || last->communicator != 0);
    transport_failure why{transport_failure::kind::late, culprit, {}, 0, 0};
    if (last && ours.sequence != 0 && last->communicator == ours.communicator && last->sequence < ours.sequence) {
        why.text = text({"rank ", culprit, " never entered ", where.collective, " #", ours.sequence});
        if (last->sequence != 0) append(why.text, {"; its last collective was #", last->sequence, ", ", describe_signature(last->signature)});
        return why;
    }
    why.text = text({"waiting for rank ", culprit});
    if (silent) append(why.text, {", which does not answer"});
    if (known)
        append(why.text, {silent ? "; it last entered " : ", which last entered ", describe_signature(last->signature),
                          last->communicator == ours.communicator ? "" : " on another communicator"});
    return why;
}

[[gnu::cold]] inline transport_failure explain_timeout(std::chrono::milliseconds patience, any_transport& transport, instance const* mine) {
    transport_failure why{transport_failure::kind::late, -1, {}, 0, 0};
    if (mine != nullptr && mine->first_unfinished() >= 0) why = whom_to_blame(transport, *mine, patience);
    why.text = text({"no progress for ", patience.count(), " ms", why.text.empty() ? "" : ": ", why.text});
    return why;
}

} // namespace chorus::detail
