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
    else if (ours == theirs) append(said, {" (root, algorithm, counts or operator differ)"});
    return said;
}

[[gnu::cold]] inline std::exception_ptr explain(transport_failure const& why, any_transport const& transport, instance const* mine) {
    auto where = place_of(transport, mine);
    auto said = why.text;
    switch (why.why) {
    case transport_failure::kind::mismatch:
        said = text({"chorus: ", describe(where), ": ", describe_mismatch(why, where.rank, mine)});
        return std::make_exception_ptr(usage_error(said));
    case transport_failure::kind::revoked: {
        constexpr std::string_view ours = "chorus: "; // once is enough
        auto its_own = std::string_view(why.text);
        if (its_own.starts_with(ours)) its_own.remove_prefix(ours.size());
        said = text({"rank ", why.rank, " gave up: ", its_own});
        break;
    }
    case transport_failure::kind::left:
        where.peer = why.rank;
        said = text({"rank ", why.rank, " ", why.text});
        break;
    case transport_failure::kind::broken: break;
    }
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

/// The rank that is waited for may itself wait for another: whoever has not come at all is named first.
[[gnu::cold]] inline std::string whom_to_blame(any_transport& transport, instance const& mine, place_of_failure const& where) {
    auto const& ours = mine.running();
    for (int i = 0; ours.sequence != 0 && i < mine.what().plan().ranks; ++i) {
        auto const late = mine.transport_rank(i);
        if (late == where.rank) continue;
        auto const last = transport.last_entered(late);
        if (!last || last->communicator != ours.communicator || last->sequence >= ours.sequence) continue;
        auto said = text({"rank ", late, " never entered ", where.collective, " #", ours.sequence});
        if (last->sequence != 0)
            append(said, {"; its last collective was #", last->sequence, ", ", describe_signature(last->signature)});
        return said;
    }
    auto const theirs = transport.last_entered(where.peer);
    if (!theirs || (theirs->sequence == 0 && theirs->communicator == 0)) return text({"waiting for rank ", where.peer});
    return text({"waiting for rank ", where.peer, ", which last entered ", describe_signature(theirs->signature),
                 theirs->communicator == ours.communicator ? "" : " on another communicator"});
}

[[gnu::cold]] inline std::exception_ptr explain_timeout(std::chrono::milliseconds patience, any_transport& transport,
                                                        instance const* mine) {
    auto const where = place_of(transport, mine);
    auto said = text({"no progress for ", patience.count(), " ms"});
    if (mine != nullptr && where.peer >= 0) append(said, {": ", whom_to_blame(transport, *mine, where)});
    return std::make_exception_ptr(timeout_error(said, where));
}

} // namespace chorus::detail
