#pragma once
/// From a collective and an algorithm to one rank's schedule: the buffers that a collective has, in one place.

#include <chorus/algorithm/choice.hpp>
#include <chorus/core/collective.hpp>
#include <chorus/schedule/recorder.hpp>
#include <chorus/schedule/schedule.hpp>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace chorus {

/// All that a schedule depends on, besides its algorithm.
struct call_shape {
    collective what = collective::all_reduce;
    int rank = 0;
    int ranks = 1;
    int root = 0;          ///< ignored by collectives without one
    bool in_place = false; ///< the output holds this rank's contribution
    bool finishes = false; ///< the operator has a last step (average)
    int segments = 1;
    bool rounds_once = false; ///< see schedule

    friend bool operator==(call_shape const&, call_shape const&) = default;
};

namespace detail {

inline std::vector<std::int32_t> iota_blocks(int count, int first = 0, int stride = 1) {
    std::vector<std::int32_t> blocks(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) blocks[static_cast<std::size_t>(i)] = first + i * stride;
    return blocks;
}

/// How many rounds a dissemination over p ranks takes: ceil(log2 p).
constexpr int rounds_of_doubling(int p) {
    int rounds = 0;
    while ((1 << rounds) < p) ++rounds;
    return rounds;
}

/// The blocks of the caller's input and output at this rank (schedule.hpp, buffer_shape).
[[gnu::cold]] inline std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> caller_blocks(call_shape const& shape) {
    auto const p = shape.ranks, r = shape.rank;
    auto const at_root = r == shape.root;
    auto const input = [&](std::vector<std::int32_t> blocks) {
        return shape.in_place ? std::vector<std::int32_t>{} : std::move(blocks);
    };
    switch (shape.what) {
    case collective::broadcast: return {{}, {0}};
    case collective::all_reduce:
    case collective::scan:
    case collective::exclusive_scan: return {input({0}), {0}};
    case collective::reduce:
        if (at_root) return {input({0}), {0}};
        return {{0}, {}};
    case collective::all_gather: return {input({r}), iota_blocks(p)};
    case collective::reduce_scatter:
        if (shape.in_place) return {{}, iota_blocks(p)};
        return {iota_blocks(p), {r}};
    case collective::all_to_all: return {input(iota_blocks(p, r * p)), iota_blocks(p, r, p)};
    case collective::gather:
        if (at_root) return {input({r}), iota_blocks(p)};
        return {{r}, {}};
    case collective::scatter:
        if (!at_root) return {{}, {r}};
        if (shape.in_place) return {{}, iota_blocks(p)};
        return {iota_blocks(p), {r}};
    case collective::barrier: return {{}, std::vector<std::int32_t>(static_cast<std::size_t>(rounds_of_doubling(p)) + 1, 0)};
    case collective::send_recv: break;
    }
    return {};
}

/// For collectives with one vector per rank: what the algorithm works on, with the input (lazily) copied into it.
[[gnu::cold]] inline slice_list working_vector(recorder& into, record_sink& sink, call_shape const& shape) {
    auto const input = into.whole(input_buffer), output = into.whole(output_buffer);
    auto const scratch_only = shape.what == collective::exclusive_scan ||
                              (shape.what == collective::reduce && shape.rank != shape.root);
    if (shape.what == collective::broadcast || (shape.in_place && !scratch_only)) return output;
    auto const& mine = input.block_count() > 0 ? input : output;
    auto const data = scratch_only ? sink.scratch(mine) : slice_list(output);
    sink.copy(mine, data);
    return data;
}

/// For collectives with one block per rank: block i wherever it lives here. Blocks of other ranks that the caller has
/// no memory for are scratch; what the input holds is (lazily) copied in.
[[gnu::cold]] inline block_list working_blocks(recorder& into, record_sink& sink, call_shape const& shape) {
    auto const p = shape.ranks, r = shape.rank;
    auto const input = into.whole(input_buffer), output = into.whole(output_buffer);
    auto const blocks_of_output = output.block_count();
    if (shape.what == collective::barrier) return block_list::blocks(output, blocks_of_output);

    block_list blocks;
    if (blocks_of_output == p && (p > 1 || shape.in_place || input.block_count() == 1)) {
        blocks = block_list::blocks(output, p);
    } else { // the caller's output is this rank's block, or nothing
        auto const elsewhere = sink.scratch_blocks(iota_blocks(p));
        for (int i = 0; i < p; ++i)
            blocks.push_back(i == r && blocks_of_output == 1 ? slice_list(output.block(0)) : slice_list(elsewhere[0].block(i)));
    }
    if (input.block_count() == p && p > 1)
        for (int i = 0; i < p; ++i) sink.copy(input.block(i), blocks[i]);
    else if (input.block_count() == 1) sink.copy(input, blocks[r]);
    return blocks;
}

/// For all_to_all. In place, the outgoing blocks are first saved in scratch (blocks of equal length only).
[[gnu::cold]] inline void set_all_to_all(recorder& into, record_sink& sink, call_shape const& shape, arguments& args) {
    auto const p = shape.ranks, r = shape.rank;
    auto const output = into.whole(output_buffer);
    args.incoming = block_list::blocks(output, p);
    if (shape.in_place) {
        auto const saved = sink.scratch_blocks(iota_blocks(p, r * p));
        args.outgoing = block_list::blocks(saved[0], p);
        for (int i = 0; i < p; ++i) sink.copy(args.incoming[i], args.outgoing[i]);
    } else {
        args.outgoing = block_list::blocks(into.whole(input_buffer), p);
    }
    args.transit = [&sink, p](int source, int destination) { return sink.scratch_blocks({source * p + destination}); };
}

} // namespace detail

/// Records `algorithm` for one rank. Preconditions: 0 <= rank < ranks, 0 <= root < ranks.
[[gnu::cold]] inline schedule record(call_shape const& shape, record_function algorithm, choice const& how) {
    auto [input, output] = detail::caller_blocks(shape);
    recorder into(shape.what, shape.rank, shape.ranks, std::move(input), std::move(output), shape.segments);
    record_sink sink(into);

    arguments args;
    args.how = &how;
    args.root = has_root(shape.what) ? shape.root : -1;
    slice_list finished; // what the operator's last step is applied to
    if (shape.what == collective::all_to_all) {
        detail::set_all_to_all(into, sink, shape, args);
    } else if (has_blocks(shape.what) || shape.what == collective::barrier) {
        args.blocks = detail::working_blocks(into, sink, shape);
        if (shape.what == collective::reduce_scatter) finished = args.blocks[shape.rank];
    } else {
        args.data = detail::working_vector(into, sink, shape);
        if (shape.what == collective::exclusive_scan) args.result = into.whole(output_buffer);
        if (shape.what == collective::all_reduce || (shape.what == collective::reduce && shape.rank == shape.root))
            finished = args.data;
    }
    algorithm(sink, args);
    if (shape.finishes && !shape.rounds_once && !finished.empty()) sink.finish(finished);

    auto result = std::move(into).finish();
    result.algorithm = how.custom != nullptr && how.name.empty() ? "custom" : to_string(how);
    result.root = args.root;
    result.rounds_once = shape.rounds_once;
    result.synchronises = shape.what == collective::barrier;
    return result;
}

} // namespace chorus
