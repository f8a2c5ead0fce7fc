#pragma once
/// Collectives that fold: all_reduce, reduce, reduce_scatter, scan, exclusive_scan.
///
/// Each is an object that is called like a function, and exists three times: blocking (`all_reduce`), asynchronous
/// (`async_all_reduce`, returns a request) and persistent (`persistent_all_reduce`, returns a persistent_request).
/// Buffers of asynchronous and persistent calls must stay alive and untouched until they have finished: a temporary that owns its
/// memory does not compile there, spans and other borrowed ranges do.
///
/// Errors of all: usage_error before anything moves (sizes, root, overlap, an algorithm that cannot serve the call),
/// transport_error and timeout_error when the world fails. Operators: any callable T op(T, T) that is associative; see
/// core/operators.hpp for which are known to commute.

#include <chorus/algorithm/all_reduce/catalogue.hpp>
#include <chorus/algorithm/exclusive_scan/catalogue.hpp>
#include <chorus/algorithm/reduce/catalogue.hpp>
#include <chorus/algorithm/reduce_scatter/catalogue.hpp>
#include <chorus/algorithm/scan/catalogue.hpp>
#include <chorus/runtime/arguments.hpp>

namespace chorus {
namespace detail {

/// Collectives that fold one vector per rank into one of the same size: all_reduce and the scans.
template <collective What, class Mode>
struct vector_fold {
    /// In place: `data` holds this rank's vector before and the result afterwards.
    template <output_buffer_of Data, class Op = std::plus<>, algorithm_argument How = automatic>
        requires(!buffer<Op>)
    auto operator()(communicator& comm, Data&& data, Op const& op = {}, How const& how = {}) const {
        auto call = begin<element_of<Data>>(comm, op, how);
        call.in_place = true;
        call.output = address_of<Mode::keeps_buffers>(static_cast<Data&&>(data));
        call.lengths.uniform = std::ranges::size(data);
        return Mode{}(comm, call, op);
    }
    /// From `input` to `output`, which have the same size and do not overlap.
    template <buffer In, output_buffer_of Out, class Op = std::plus<>, algorithm_argument How = automatic>
        requires std::same_as<element_of<In>, element_of<Out>>
    auto operator()(communicator& comm, In&& input, Out&& output, Op const& op = {}, How const& how = {}) const {
        using T = element_of<In>;
        auto call = begin<T>(comm, op, how);
        call.input = address_of<Mode::keeps_buffers>(static_cast<In&&>(input));
        call.output = address_of<Mode::keeps_buffers>(static_cast<Out&&>(output));
        call.lengths.uniform = std::ranges::size(input);
        require_size(comm, What, "output", std::ranges::size(output), std::ranges::size(input));
        require_disjoint(comm, What, call.input, sizeof(T) * std::ranges::size(input), call.output, sizeof(T) * std::ranges::size(output));
        return Mode{}(comm, call, op);
    }

private:
    template <class T, class Op, class How>
    static operation begin(communicator& comm, Op const& op, How const& how) {
        if constexpr (What != collective::all_reduce) require_scannable<Op, T>();
        return base_operation<What, T>(comm, op, how);
    }
};

template <class Mode>
struct reduce_function {
    /// In place at the root; elsewhere `data` is only read.
    template <output_buffer_of Data, class Op = std::plus<>, algorithm_argument How = automatic>
        requires(!buffer<Op>)
    auto operator()(communicator& comm, Data&& data, Op const& op = {}, int root = 0, How const& how = {}) const {
        auto call = base_operation<collective::reduce, element_of<Data>>(comm, op, how);
        require_root(comm, call.what, root);
        call.root = root;
        call.in_place = comm.rank() == root;
        (call.in_place ? call.output : const_cast<void*&>(call.input)) = address_of<Mode::keeps_buffers>(static_cast<Data&&>(data));
        call.lengths.uniform = std::ranges::size(data);
        return Mode{}(comm, call, op);
    }
    /// From `input` to the root's `output`; other ranks' output is not looked at.
    template <buffer In, output_buffer_of Out, class Op = std::plus<>, algorithm_argument How = automatic>
        requires std::same_as<element_of<In>, element_of<Out>>
    auto operator()(communicator& comm, In&& input, Out&& output, Op const& op = {}, int root = 0, How const& how = {}) const {
        using T = element_of<In>;
        auto call = base_operation<collective::reduce, T>(comm, op, how);
        require_root(comm, call.what, root);
        call.root = root;
        call.input = address_of<Mode::keeps_buffers>(static_cast<In&&>(input));
        call.lengths.uniform = std::ranges::size(input);
        if (comm.rank() == root) {
            call.output = address_of<Mode::keeps_buffers>(static_cast<Out&&>(output));
            require_size(comm, call.what, "output", std::ranges::size(output), std::ranges::size(input));
            require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(input), call.output, sizeof(T) * std::ranges::size(output));
        }
        return Mode{}(comm, call, op);
    }
};

template <class Mode>
struct reduce_scatter_function {
    /// Block r of the result, of `output.size()` elements, goes to rank r; `input` has one such block per rank.
    template <buffer In, output_buffer_of Out, class Op = std::plus<>, algorithm_argument How = automatic>
        requires std::same_as<element_of<In>, element_of<Out>>
    auto operator()(communicator& comm, In&& input, Out&& output, Op const& op = {}, How const& how = {}) const {
        using T = element_of<In>;
        auto call = base_operation<collective::reduce_scatter, T>(comm, op, how);
        call.input = address_of<Mode::keeps_buffers>(static_cast<In&&>(input));
        call.output = address_of<Mode::keeps_buffers>(static_cast<Out&&>(output));
        call.lengths.uniform = std::ranges::size(output);
        require_size(comm, call.what, "input", std::ranges::size(input), std::ranges::size(output) * static_cast<std::size_t>(comm.size()));
        require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(input), call.output, sizeof(T) * std::ranges::size(output));
        return Mode{}(comm, call, op);
    }
    /// In place: of the equal blocks in `data`, this rank's holds the result afterwards; the others are overwritten.
    template <output_buffer_of Data, class Op = std::plus<>, algorithm_argument How = automatic>
        requires(!buffer<Op>)
    auto operator()(communicator& comm, Data&& data, Op const& op = {}, How const& how = {}) const {
        auto call = base_operation<collective::reduce_scatter, element_of<Data>>(comm, op, how);
        call.in_place = true;
        call.output = address_of<Mode::keeps_buffers>(static_cast<Data&&>(data));
        call.lengths.uniform = std::ranges::size(data) / static_cast<std::size_t>(comm.size());
        require_size(comm, call.what, "buffer", std::ranges::size(data), call.lengths.uniform * static_cast<std::size_t>(comm.size()));
        return Mode{}(comm, call, op);
    }
};

template <class Mode>
struct reduce_scatter_v_function {
    /// The same with unequal blocks: `blocks` is the same on all ranks, `output` has `blocks.counts[rank]` elements.
    template <buffer In, output_buffer_of Out, class Op = std::plus<>, algorithm_argument How = automatic>
        requires std::same_as<element_of<In>, element_of<Out>>
    auto operator()(communicator& comm, In&& input, Out&& output, ragged blocks, Op const& op = {}, How const& how = {}) const {
        using T = element_of<In>;
        auto call = base_operation<collective::reduce_scatter, T>(comm, op, how);
        require_blocks(comm, call.what, "input", std::ranges::size(input), blocks);
        require_size(comm, call.what, "output", std::ranges::size(output), blocks.counts[static_cast<std::size_t>(comm.rank())]);
        call.input = address_of<Mode::keeps_buffers>(static_cast<In&&>(input));
        call.output = address_of<Mode::keeps_buffers>(static_cast<Out&&>(output));
        call.lengths.counts = blocks.counts;
        call.lengths.input_displacements = blocks.displacements;
        require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(input), call.output, sizeof(T) * std::ranges::size(output));
        return Mode{}(comm, call, op);
    }
};

} // namespace detail

/// Every rank ends with the fold of all ranks' vectors.
///
///     all_reduce(comm, data)                                    in place, sum
///     all_reduce(comm, data, op, algorithm)                     in place
///     all_reduce(comm, input, output, op, algorithm)
///
/// Result: the same bits on all ranks, the same from run to run.
/// Cost: see `chorus list all_reduce`; two vectors sent and one folded per rank at least, for large vectors.
inline constexpr detail::vector_fold<collective::all_reduce, detail::blocking> all_reduce{};
inline constexpr detail::vector_fold<collective::all_reduce, detail::asynchronous> async_all_reduce{};
inline constexpr detail::vector_fold<collective::all_reduce, detail::persistent> persistent_all_reduce{};

/// Rank r ends with the fold of the vectors of ranks 0 to r. Same call forms as all_reduce.
inline constexpr detail::vector_fold<collective::scan, detail::blocking> scan{};
inline constexpr detail::vector_fold<collective::scan, detail::asynchronous> async_scan{};
inline constexpr detail::vector_fold<collective::scan, detail::persistent> persistent_scan{};

/// Rank r ends with the fold of the vectors of ranks 0 to r - 1; rank 0's output is left alone. Forms as all_reduce.
inline constexpr detail::vector_fold<collective::exclusive_scan, detail::blocking> exclusive_scan{};
inline constexpr detail::vector_fold<collective::exclusive_scan, detail::asynchronous> async_exclusive_scan{};
inline constexpr detail::vector_fold<collective::exclusive_scan, detail::persistent> persistent_exclusive_scan{};

/// The root ends with the fold of all ranks' vectors.
///
///     reduce(comm, data, op, root, algorithm)            in place at the root
///     reduce(comm, input, output, op, root, algorithm)
inline constexpr detail::reduce_function<detail::blocking> reduce{};
inline constexpr detail::reduce_function<detail::asynchronous> async_reduce{};
inline constexpr detail::reduce_function<detail::persistent> persistent_reduce{};

/// The fold of all ranks' vectors, cut into one block per rank; every rank ends with its own block.
///
///     reduce_scatter(comm, input, output, op, algorithm)
///     reduce_scatter(comm, data, op, algorithm)                  in place
///     reduce_scatter_v(comm, input, output, counts, op, algorithm)
inline constexpr detail::reduce_scatter_function<detail::blocking> reduce_scatter{};
inline constexpr detail::reduce_scatter_function<detail::asynchronous> async_reduce_scatter{};
inline constexpr detail::reduce_scatter_function<detail::persistent> persistent_reduce_scatter{};
inline constexpr detail::reduce_scatter_v_function<detail::blocking> reduce_scatter_v{};
inline constexpr detail::reduce_scatter_v_function<detail::asynchronous> async_reduce_scatter_v{};
inline constexpr detail::reduce_scatter_v_function<detail::persistent> persistent_reduce_scatter_v{};

} // namespace chorus
