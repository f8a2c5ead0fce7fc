#pragma once
/// The sink: what an algorithm is written against.
///
/// The *effect on data* of what is said to a sink is that of one step after the other, with sends that buffer:
/// `send(1, a); recv(1, a);` sends the old a and then overwrites it. What really happens is decided elsewhere:
///   - Messages are posted in order per (peer, direction, lane), a bounded number at a time, and matched in that order.
///   - Two steps may overlap whenever they share no slice that either writes (schedule/hazard.hpp).
///   - A send may have to wait until its receive is posted. `recv_reduce` is posted at once, whatever its slice is
///     busy with, only its reduction waits; `recv` is posted when its slice is free.
///
/// Therefore an exchange in place, `send(p, a); recv(p, a);` on both sides, can wait for itself for ever: receive into
/// scratch instead. `verify/` finds such cycles and shows them.
///
/// Loops and branches of an algorithm depend on rank, size, root, groups and options, never on data or counts.

#include <chorus/core/slice.hpp>
#include <chorus/schedule/step.hpp>

#include <concepts>
#include <span>
#include <vector>

namespace chorus {

template <class S>
concept schedule_sink = requires(S& sink, int peer, slice_list const& data, side received, std::vector<int> const& members) {
    { sink.rank() } -> std::same_as<int>; ///< who is speaking, 0 <= rank < size
    { sink.size() } -> std::same_as<int>;

    sink.send(peer, data);                  ///< data to peer, several slices in one message
    sink.recv(peer, data);                  ///< data from peer
    sink.recv_reduce(peer, data, received); ///< data = data op message, or message op data; side::right by default
    sink.copy(data, data);                  ///< from, to: same shape
    sink.reduce(data, data, received);      ///< from, into: into = into op from, or from op into
    { sink.scratch(data) } -> std::same_as<slice_list>; ///< new memory of the same shape as data, contents undefined

    { sink.on_lane(peer) };    ///< the same sink on another lane (0..3): two trees at once, both directions of a ring
    { sink.subset(members) };  ///< the sink of a subset of the ranks, by this sink's numbers; this rank is a member
};

} // namespace chorus
