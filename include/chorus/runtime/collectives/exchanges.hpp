#pragma once
/// all_to_all, barrier, and messages between two ranks.

#include <chorus/algorithm/all_to_all/catalogue.hpp>
#include <chorus/algorithm/barrier/catalogue.hpp>
#include <chorus/runtime/arguments.hpp>

namespace chorus {
namespace detail {

template <class Mode>
struct all_to_all_function {
    template <buffer Out, output_buffer_of In, algorithm_argument How = automatic>
        requires std::same_as<element_of<Out>, element_of<In>>
    auto operator()(communicator& comm, Out&& outgoing, In&& incoming, How const& how = {}) const {
        using T = element_of<Out>;
        auto call = base_operation<collective::all_to_all, T>(comm, how);
        call.input = address_of<Mode::keeps_buffers>(static_cast<Out&&>(outgoing));
        call.output = address_of<Mode::keeps_buffers>(static_cast<In&&>(incoming));
        call.lengths.uniform = std::ranges::size(outgoing) / static_cast<std::size_t>(comm.size());
        require_size(comm, call.what, "input", std::ranges::size(outgoing), call.lengths.uniform * static_cast<std::size_t>(comm.size()));
        require_size(comm, call.what, "output", std::ranges::size(incoming), std::ranges::size(outgoing));
        require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(outgoing), call.output, sizeof(T) * std::ranges::size(incoming));
        return Mode{}(comm, call, no_operator{});
    }
    /// In place: block j of `data` goes to rank j and is replaced by what rank j sends. Takes scratch of that size.
    template <output_buffer_of Data, algorithm_argument How = automatic>
    auto operator()(communicator& comm, Data&& data, How const& how = {}) const {
        auto call = base_operation<collective::all_to_all, element_of<Data>>(comm, how);
        call.in_place = true;
        call.output = address_of<Mode::keeps_buffers>(static_cast<Data&&>(data));
        call.lengths.uniform = std::ranges::size(data) / static_cast<std::size_t>(comm.size());
        require_size(comm, call.what, "buffer", std::ranges::size(data), call.lengths.uniform * static_cast<std::size_t>(comm.size()));
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct all_to_all_v_function {
    template <buffer Out, output_buffer_of In, algorithm_argument How = automatic>
        requires std::same_as<element_of<Out>, element_of<In>>
    auto operator()(communicator& comm, Out&& outgoing, ragged to_each, In&& incoming, ragged from_each, How const& how = {}) const {
        using T = element_of<Out>;
        auto call = base_operation<collective::all_to_all, T>(comm, how);
        require_blocks(comm, call.what, "input", std::ranges::size(outgoing), to_each);
        require_blocks(comm, call.what, "output", std::ranges::size(incoming), from_each);
        require_separate(comm, call.what, from_each);
        auto const self = static_cast<std::size_t>(comm.rank());
        if (to_each.counts[self] != from_each.counts[self])
            wrong_size(comm, call.what, {"the block to itself has ", to_each.counts[self], " elements, the block from itself ",
                                         from_each.counts[self]});
        call.input = address_of<Mode::keeps_buffers>(static_cast<Out&&>(outgoing));
        call.output = address_of<Mode::keeps_buffers>(static_cast<In&&>(incoming));
        call.lengths.counts = to_each.counts;
        call.lengths.incoming = from_each.counts;
        call.lengths.input_displacements = to_each.displacements;
        call.lengths.output_displacements = from_each.displacements;
        call.counts_known_to_all = false;
        require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(outgoing), call.output, sizeof(T) * std::ranges::size(incoming));
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct barrier_function {
    template <algorithm_argument How = automatic>
    auto operator()(communicator& comm, How const& how = {}) const {
        auto call = base_operation<collective::barrier, unsigned char>(comm, how);
        call.in_place = true;
        return Mode{}(comm, call, no_operator{});
    }
};

template <bool Sends>
struct message_function {
    template <buffer Data>
        requires(Sends || output_buffer_of<Data>)
    request operator()(communicator& comm, Data&& data, int peer) const {
        operation call;
        call.what = collective::send_recv;
        call.fold = copy_kernel<element_of<Data>>();
        call.lengths.uniform = std::ranges::size(data);
        if constexpr (Sends) call.input = address_of<true>(static_cast<Data&&>(data));
        else call.output = address_of<true>(static_cast<Data&&>(data));
        return comm.start_message(call, peer, Sends);
    }
};

} // namespace detail

/// Block j of `outgoing` goes to rank j; block i of `incoming` comes from rank i.
///
///     all_to_all(comm, outgoing, incoming, algorithm)                  equal blocks of outgoing.size() / p elements
///     all_to_all(comm, data, algorithm)                                in place
///     all_to_all_v(comm, outgoing, to_each, incoming, from_each, algorithm)
///
/// `to_each` and `from_each` are counts, with displacements if wanted (`ragged`); every rank knows its own. Algorithms
/// that pass on other ranks' blocks (ring, tree, bruck, hierarchical) gather all counts first.
/// Cost: p-1 blocks sent per rank at least.
inline constexpr detail::all_to_all_function<detail::blocking> all_to_all{};
inline constexpr detail::all_to_all_function<detail::asynchronous> async_all_to_all{};
inline constexpr detail::all_to_all_function<detail::persistent> persistent_all_to_all{};
inline constexpr detail::all_to_all_v_function<detail::blocking> all_to_all_v{};
inline constexpr detail::all_to_all_v_function<detail::asynchronous> async_all_to_all_v{};
inline constexpr detail::all_to_all_v_function<detail::persistent> persistent_all_to_all_v{};

/// No rank leaves before all have entered.
///
///     barrier(comm, algorithm)
inline constexpr detail::barrier_function<detail::blocking> barrier{};
inline constexpr detail::barrier_function<detail::asynchronous> async_barrier{};
inline constexpr detail::barrier_function<detail::persistent> persistent_barrier{};

/// A message to one rank, received there by `recv` of exactly as many elements of the same type. Messages between two
/// ranks of a communicator arrive in order. `async_send` and `async_recv` return a request.
///
///     send(comm, data, to)        recv(comm, data, from)
///
/// A send may wait until its receive is there: two ranks that send to each other first wait for ever (for the deadline). A message to
/// oneself is copied and waits for nothing; receiving what one has not sent yet waits.
inline constexpr detail::message_function<true> async_send{};
inline constexpr detail::message_function<false> async_recv{};

template <buffer Data>
void send(communicator& comm, Data&& data, int to) {
    async_send(comm, data, to).wait();
}
template <output_buffer_of Data>
void recv(communicator& comm, Data&& data, int from) {
    async_recv(comm, data, from).wait();
}

} // namespace chorus
