#pragma once
/// Small algorithms of the tests' own, so that printers and recorder are tested without the catalogue.

#include <chorus/algorithm/record.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace samples {

using namespace chorus;

inline void ring_all_reduce(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    auto const part = [&](int i) { return args.data.part(i, size); };
    for (int step = 0; step < size - 1; ++step) {
        sink.send(mod(rank + 1, size), part(rank - step));
        sink.recv_reduce(mod(rank - 1, size), part(rank - step - 1));
    }
    for (int step = 0; step < size - 1; ++step) {
        sink.send(mod(rank + 1, size), part(rank + 1 - step));
        sink.recv(mod(rank - 1, size), part(rank - step));
    }
}

inline void recursive_doubling(record_sink& sink, arguments const& args) {
    for (int distance = 1; distance < sink.size(); distance *= 2) {
        auto const peer = sink.rank() ^ distance;
        sink.send(peer, args.data);
        sink.recv_reduce(peer, args.data, peer < sink.rank() ? side::left : side::right);
    }
}

inline void binomial_broadcast(record_sink& sink, arguments const& args) {
    auto const size = sink.size();
    auto const rank = mod(sink.rank() - args.root, size);
    int highest = 1;
    while (highest < size) highest *= 2;
    for (int bit = highest / 2; bit > 0; bit /= 2) {
        if (rank % (2 * bit) == 0 && rank + bit < size) sink.send(mod(rank + bit + args.root, size), args.data);
        if (rank % (2 * bit) == bit) sink.recv(mod(rank - bit + args.root, size), args.data);
    }
}

inline void bruck_all_gather(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    for (int have = 1; have < size; have *= 2) {
        auto const count = std::min(have, size - have);
        sink.send(mod(rank - have, size), args.blocks.range(rank, count));
        sink.recv(mod(rank + have, size), args.blocks.range(rank + have, count));
    }
}

/// A binary heap-ordered tree, up with sums and down with results. `to` maps its places to ranks.
template <class Map>
void tree_half(record_sink sink, int place, slice_list const& data, Map to) {
    auto const size = sink.size();
    for (auto const child : {2 * place + 1, 2 * place + 2})
        if (child < size) sink.recv_reduce(to(child), data);
    if (place > 0) sink.send(to((place - 1) / 2), data), sink.recv(to((place - 1) / 2), data);
    for (auto const child : {2 * place + 1, 2 * place + 2})
        if (child < size) sink.send(to(child), data);
}
inline void two_trees(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    tree_half(sink.on_lane(0), rank, args.data.part(0, 2), [](int place) { return place; });
    tree_half(sink.on_lane(1), size - 1 - rank, args.data.part(1, 2), [=](int place) { return size - 1 - place; });
}

inline void direct_all_to_all(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    sink.copy(args.outgoing[rank], args.incoming[rank]);
    for (int k = 1; k < size; ++k) {
        sink.send(mod(rank + k, size), args.outgoing[rank + k]);
        sink.recv(mod(rank - k, size), args.incoming[rank - k]);
    }
}

/// Everybody sends everything to everybody and folds in the order of the ranks.
inline void one_shot(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    for (int k = 1; k < size; ++k) sink.send(mod(rank + k, size), args.data);
    for (int peer = 0; peer < size; ++peer)
        if (peer != rank) sink.recv_reduce(peer, args.data, peer < rank ? side::left : side::right);
}

/// Down a chain: the root sends, everybody passes on.
inline void chain_broadcast(record_sink& sink, arguments const& args) {
    if (sink.rank() > 0) sink.recv(sink.rank() - 1, args.data);
    if (sink.rank() + 1 < sink.size()) sink.send(sink.rank() + 1, args.data);
}

inline void dissemination(record_sink& sink, arguments const& args) {
    int round = 0;
    for (int distance = 1; distance < sink.size(); distance *= 2, ++round) {
        sink.send(mod(sink.rank() + distance, sink.size()), args.blocks[round]);
        sink.recv(mod(sink.rank() - distance, sink.size()), args.blocks[round + 1]);
    }
}

/// Everybody receives before sending: nobody ever moves.
inline void deadlock_all_gather(record_sink& sink, arguments const& args) {
    auto const rank = sink.rank(), size = sink.size();
    sink.recv(mod(rank - 1, size), args.blocks[rank - 1]);
    sink.send(mod(rank + 1, size), args.blocks[rank - 1]);
}

inline std::vector<schedule> all_ranks(collective what, record_function algorithm, std::string_view name, int ranks,
                                       int segments = 1, bool in_place = false, int root = 0, bool finishes = false) {
    choice how;
    how.name = name;
    std::vector<schedule> result;
    for (int rank = 0; rank < ranks; ++rank)
        result.push_back(record({what, rank, ranks, root, in_place, finishes, segments}, algorithm, how));
    return result;
}

} // namespace samples
