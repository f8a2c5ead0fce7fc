#pragma once
/// Algorithms of the tests' own, right ones, written down again here so that the proofs stand on their own feet; and
/// how to record them for all ranks.

#include <chorus/algorithm/record.hpp>
#include <chorus/schedule/hazard.hpp>

#include <algorithm>
#include <vector>

namespace verify_test {

using namespace chorus;

/// All ranks' schedules of one call.
inline std::vector<schedule> record_all(call_shape shape, record_function algorithm) {
    choice how;
    how.name = "test";
    std::vector<schedule> ranks;
    for (shape.rank = 0; shape.rank < shape.ranks; ++shape.rank) ranks.push_back(record(shape, algorithm, how));
    return ranks;
}
inline std::vector<schedule> record_all(collective what, int p, record_function algorithm, int root = 0) {
    call_shape shape;
    shape.what = what;
    shape.ranks = p;
    shape.root = root;
    return record_all(shape, algorithm);
}

/// Dependencies after a schedule's steps were tampered with.
inline void depend_again(schedule& in) {
    hazard_tracker hazards;
    in.predecessors.clear();
    for (std::size_t i = 0; i < in.steps.size(); ++i)
        in.predecessors.push_back(hazards.add(static_cast<std::int32_t>(i), in.steps[i]));
}

inline void ring_all_reduce(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    auto const next = mod(rank + 1, size), prev = mod(rank - 1, size);
    auto const part = block_list::parts(args.data, size);
    for (int step = 0; step < size - 1; ++step) {
        sink.send(next, part[rank - step]);
        sink.recv_reduce(prev, part[rank - step - 1]);
    }
    for (int step = 0; step < size - 1; ++step) {
        sink.send(next, part[rank + 1 - step]);
        sink.recv(prev, part[rank - step]);
    }
}

/// Any p: ranks beyond the largest power of two hand in before and get the result after. Keeps operand order.
inline void doubling_all_reduce(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    int core = 1;
    while (core * 2 <= size) core *= 2;
    auto const extra = size - core; // ranks 1, 3, ... below 2 * extra fold into 0, 2, ...
    auto const number = rank >= 2 * extra ? rank - extra : rank % 2 == 0 ? rank / 2 : -1;
    auto const real = [&](int i) { return i < extra ? 2 * i : i + extra; };
    if (number < 0) {
        sink.send(rank - 1, args.data);
        sink.recv(rank - 1, args.data);
        return;
    }
    if (rank < 2 * extra) sink.recv_reduce(rank + 1, args.data);
    for (int distance = 1; distance < core; distance *= 2) {
        auto const peer = number ^ distance;
        sink.send(real(peer), args.data);
        sink.recv_reduce(real(peer), args.data, peer < number ? side::left : side::right);
    }
    if (rank < 2 * extra) sink.send(rank + 1, args.data);
}

inline void pairwise_reduce_scatter(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    for (int i = 1; i < size; ++i) sink.send(mod(rank - i, size), args.blocks[rank - i]);
    // From the right neighbour upwards, then from the left one downwards.
    for (int peer = rank + 1; peer < size; ++peer) sink.recv_reduce(peer, args.blocks[rank], side::right);
    for (int peer = rank - 1; peer >= 0; --peer) sink.recv_reduce(peer, args.blocks[rank], side::left);
}

inline void ring_all_gather(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    for (int step = 0; step < size - 1; ++step) {
        sink.send(mod(rank + 1, size), args.blocks[rank - step]);
        sink.recv(mod(rank - 1, size), args.blocks[rank - step - 1]);
    }
}

inline void direct_all_to_all(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    sink.copy(args.outgoing[rank], args.incoming[rank]);
    for (int i = 1; i < size; ++i) {
        sink.send(mod(rank + i, size), args.outgoing[rank + i]);
        sink.recv(mod(rank - i, size), args.incoming[rank - i]);
    }
}

/// Bruck, radix 2, forwarding through scratch.
inline void bruck_all_to_all(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    std::vector<slice_list> held;
    for (int d = 0; d < size; ++d) held.push_back(args.outgoing[rank + d]);
    sink.copy(held[0], args.incoming[rank]);
    for (int weight = 1; weight < size; weight *= 2) {
        slice_list leaving, arriving;
        for (int d = 1; d < size; ++d) {
            if ((d & weight) == 0) continue;
            auto const travelled = d % (2 * weight), source = mod(rank - travelled, size);
            auto& block = held[static_cast<std::size_t>(d)];
            leaving += block;
            block = travelled == d ? args.incoming[source] : args.transit(source, mod(source + d, size));
            arriving += block;
        }
        sink.send(mod(rank + weight, size), leaving);
        sink.recv(mod(rank - weight, size), arriving);
    }
}

inline void binomial_broadcast(record_sink& sink, arguments const& args) {
    auto const size = sink.size(), number = mod(sink.rank() - args.root, size);
    auto const real = [&](int i) { return mod(i + args.root, size); };
    int distance = 1;
    for (; distance < size; distance *= 2)
        if (number & distance) {
            sink.recv(real(number - distance), args.data);
            break;
        }
    for (distance /= 2; distance >= 1; distance /= 2)
        if (number + distance < size) sink.send(real(number + distance), args.data);
}

inline void direct_reduce(record_sink& sink, arguments const& args) {
    if (sink.rank() != args.root) return sink.send(args.root, args.data);
    for (int peer = args.root + 1; peer < sink.size(); ++peer) sink.recv_reduce(peer, args.data, side::right);
    for (int peer = args.root - 1; peer >= 0; --peer) sink.recv_reduce(peer, args.data, side::left);
}

inline void direct_gather(record_sink& sink, arguments const& args) {
    if (sink.rank() != args.root) return sink.send(args.root, args.blocks[sink.rank()]);
    for (int peer = 0; peer < sink.size(); ++peer)
        if (peer != args.root) sink.recv(peer, args.blocks[peer]);
}

inline void direct_scatter(record_sink& sink, arguments const& args) {
    if (sink.rank() != args.root) return sink.recv(args.root, args.blocks[sink.rank()]);
    for (int peer = 0; peer < sink.size(); ++peer)
        if (peer != args.root) sink.send(peer, args.blocks[peer]);
}

/// Doubling: `all` is the sum of what was heard of, and what arrives is to the left of it.
inline void doubling_scan(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    for (int distance = 1; distance < size; distance *= 2) {
        if (rank + distance < size) sink.send(rank + distance, args.data);
        if (rank >= distance) sink.recv_reduce(rank - distance, args.data, side::left);
    }
}

/// One after the other: the prefix is handed on.
inline void chain_exclusive_scan(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    if (rank > 0) {
        sink.recv(rank - 1, args.result);
        sink.reduce(args.result, args.data, side::left);
    }
    if (rank + 1 < size) sink.send(rank + 1, args.data);
}

/// Every round's token depends on all that was heard before: what arrives is copied over what is sent.
inline void dissemination_barrier(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    int round = 0;
    for (int distance = 1; distance < size; distance *= 2) {
        ++round;
        sink.send(mod(rank + distance, size), args.blocks[0]);
        sink.recv(mod(rank - distance, size), args.blocks[round]);
        sink.copy(args.blocks[round], args.blocks[0]);
    }
}

struct named_algorithm {
    char const* name;
    collective what;
    record_function record;
    bool keeps_order;
};

inline constexpr named_algorithm right_ones[] = {
    {"ring all_reduce", collective::all_reduce, ring_all_reduce, false},
    {"doubling all_reduce", collective::all_reduce, doubling_all_reduce, true},
    {"pairwise reduce_scatter", collective::reduce_scatter, pairwise_reduce_scatter, true},
    {"ring all_gather", collective::all_gather, ring_all_gather, true},
    {"direct all_to_all", collective::all_to_all, direct_all_to_all, true},
    {"bruck all_to_all", collective::all_to_all, bruck_all_to_all, true},
    {"binomial broadcast", collective::broadcast, binomial_broadcast, true},
    {"direct reduce", collective::reduce, direct_reduce, true},
    {"direct gather", collective::gather, direct_gather, true},
    {"direct scatter", collective::scatter, direct_scatter, true},
    {"doubling scan", collective::scan, doubling_scan, true},
    {"chain exclusive_scan", collective::exclusive_scan, chain_exclusive_scan, true},
    {"dissemination barrier", collective::barrier, dissemination_barrier, true},
};

} // namespace verify_test
