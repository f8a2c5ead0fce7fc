#pragma once
/// Collectives that move blocks from or to everyone: all_gather, gather, scatter, broadcast, with their v forms.
///
/// Blocking, asynchronous and persistent objects as in reductions.hpp. In the v forms every rank passes the whole vector
/// of counts, the same everywhere.

#include <chorus/algorithm/all_gather/catalogue.hpp>
#include <chorus/algorithm/broadcast/catalogue.hpp>
#include <chorus/algorithm/gather/catalogue.hpp>
#include <chorus/algorithm/scatter/catalogue.hpp>
#include <chorus/runtime/arguments.hpp>

namespace chorus {
namespace detail {

template <class Mode>
struct all_gather_function {
    /// `all` receives `mine.size()` elements from each rank, in rank order.
    template <buffer Mine, output_buffer_of All, algorithm_argument How = automatic>
        requires std::same_as<element_of<Mine>, element_of<All>>
    auto operator()(communicator& comm, Mine&& mine, All&& all, How const& how = {}) const {
        using T = element_of<Mine>;
        auto call = base_operation<collective::all_gather, T>(comm, how);
        call.input = address_of<Mode::keeps_buffers>(static_cast<Mine&&>(mine));
        call.output = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
        call.lengths.uniform = std::ranges::size(mine);
        require_size(comm, call.what, "output", std::ranges::size(all), std::ranges::size(mine) * static_cast<std::size_t>(comm.size()));
        require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(mine), call.output, sizeof(T) * std::ranges::size(all));
        return Mode{}(comm, call, no_operator{});
    }
    /// In place: this rank's block already lies where it belongs in `all`.
    template <output_buffer_of All, algorithm_argument How = automatic>
    auto operator()(communicator& comm, All&& all, How const& how = {}) const {
        auto call = base_operation<collective::all_gather, element_of<All>>(comm, how);
        call.in_place = true;
        call.output = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
        call.lengths.uniform = std::ranges::size(all) / static_cast<std::size_t>(comm.size());
        require_size(comm, call.what, "buffer", std::ranges::size(all), call.lengths.uniform * static_cast<std::size_t>(comm.size()));
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct all_gather_v_function {
    template <buffer Mine, output_buffer_of All, algorithm_argument How = automatic>
        requires std::same_as<element_of<Mine>, element_of<All>>
    auto operator()(communicator& comm, Mine&& mine, All&& all, ragged blocks, How const& how = {}) const {
        using T = element_of<Mine>;
        auto call = base_operation<collective::all_gather, T>(comm, how);
        require_blocks(comm, call.what, "output", std::ranges::size(all), blocks);
        require_separate(comm, call.what, blocks);
        require_size(comm, call.what, "input", std::ranges::size(mine), blocks.counts[static_cast<std::size_t>(comm.rank())]);
        call.input = address_of<Mode::keeps_buffers>(static_cast<Mine&&>(mine));
        call.output = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
        call.lengths.counts = blocks.counts;
        call.lengths.output_displacements = blocks.displacements;
        require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(mine), call.output, sizeof(T) * std::ranges::size(all));
        return Mode{}(comm, call, no_operator{});
    }
    /// In place: this rank's block already lies where it belongs in `all`.
    template <output_buffer_of All, algorithm_argument How = automatic>
    auto operator()(communicator& comm, All&& all, ragged blocks, How const& how = {}) const {
        auto call = base_operation<collective::all_gather, element_of<All>>(comm, how);
        require_blocks(comm, call.what, "buffer", std::ranges::size(all), blocks);
        require_separate(comm, call.what, blocks);
        call.in_place = true;
        call.output = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
        call.lengths.counts = blocks.counts;
        call.lengths.output_displacements = blocks.displacements;
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct gather_function {
    template <buffer Mine, output_buffer_of All, algorithm_argument How = automatic>
        requires std::same_as<element_of<Mine>, element_of<All>>
    auto operator()(communicator& comm, Mine&& mine, All&& all, int root = 0, How const& how = {}) const {
        using T = element_of<Mine>;
        auto call = base_operation<collective::gather, T>(comm, how);
        require_root(comm, call.what, root);
        call.root = root;
        call.input = address_of<Mode::keeps_buffers>(static_cast<Mine&&>(mine));
        call.lengths.uniform = std::ranges::size(mine);
        if (comm.rank() == root) {
            call.output = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
            require_size(comm, call.what, "output", std::ranges::size(all), std::ranges::size(mine) * static_cast<std::size_t>(comm.size()));
            require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(mine), call.output, sizeof(T) * std::ranges::size(all));
        }
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct gather_v_function {
    template <buffer Mine, output_buffer_of All, algorithm_argument How = automatic>
        requires std::same_as<element_of<Mine>, element_of<All>>
    auto operator()(communicator& comm, Mine&& mine, All&& all, ragged blocks, int root = 0, How const& how = {}) const {
        using T = element_of<Mine>;
        auto call = base_operation<collective::gather, T>(comm, how);
        require_root(comm, call.what, root);
        require_blocks(comm, call.what, "output", comm.rank() == root ? std::ranges::size(all) : sum_of(blocks), comm.rank() == root ? blocks : ragged(blocks.counts));
        require_size(comm, call.what, "input", std::ranges::size(mine), blocks.counts[static_cast<std::size_t>(comm.rank())]);
        call.root = root;
        call.input = address_of<Mode::keeps_buffers>(static_cast<Mine&&>(mine));
        call.lengths.counts = blocks.counts;
        if (comm.rank() == root) {
            require_separate(comm, call.what, blocks);
            call.output = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
            call.lengths.output_displacements = blocks.displacements;
            require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(mine), call.output, sizeof(T) * std::ranges::size(all));
        }
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct scatter_function {
    template <buffer All, output_buffer_of Mine, algorithm_argument How = automatic>
        requires std::same_as<element_of<Mine>, element_of<All>>
    auto operator()(communicator& comm, All&& all, Mine&& mine, int root = 0, How const& how = {}) const {
        using T = element_of<Mine>;
        auto call = base_operation<collective::scatter, T>(comm, how);
        require_root(comm, call.what, root);
        call.root = root;
        call.output = address_of<Mode::keeps_buffers>(static_cast<Mine&&>(mine));
        call.lengths.uniform = std::ranges::size(mine);
        if (comm.rank() == root) {
            call.input = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
            require_size(comm, call.what, "input", std::ranges::size(all), std::ranges::size(mine) * static_cast<std::size_t>(comm.size()));
            require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(all), call.output, sizeof(T) * std::ranges::size(mine));
        }
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct scatter_v_function {
    template <buffer All, output_buffer_of Mine, algorithm_argument How = automatic>
        requires std::same_as<element_of<Mine>, element_of<All>>
    auto operator()(communicator& comm, All&& all, ragged blocks, Mine&& mine, int root = 0, How const& how = {}) const {
        using T = element_of<Mine>;
        auto call = base_operation<collective::scatter, T>(comm, how);
        require_root(comm, call.what, root);
        require_blocks(comm, call.what, "input", comm.rank() == root ? std::ranges::size(all) : sum_of(blocks), comm.rank() == root ? blocks : ragged(blocks.counts));
        require_size(comm, call.what, "output", std::ranges::size(mine), blocks.counts[static_cast<std::size_t>(comm.rank())]);
        call.root = root;
        call.output = address_of<Mode::keeps_buffers>(static_cast<Mine&&>(mine));
        call.lengths.counts = blocks.counts;
        if (comm.rank() == root) {
            call.input = address_of<Mode::keeps_buffers>(static_cast<All&&>(all));
            call.lengths.input_displacements = blocks.displacements;
            require_disjoint(comm, call.what, call.input, sizeof(T) * std::ranges::size(all), call.output, sizeof(T) * std::ranges::size(mine));
        }
        return Mode{}(comm, call, no_operator{});
    }
};

template <class Mode>
struct broadcast_function {
    template <output_buffer_of Data, algorithm_argument How = automatic>
    auto operator()(communicator& comm, Data&& data, int root = 0, How const& how = {}) const {
        auto call = base_operation<collective::broadcast, element_of<Data>>(comm, how);
        require_root(comm, call.what, root);
        call.root = root;
        call.in_place = true;
        call.output = address_of<Mode::keeps_buffers>(static_cast<Data&&>(data));
        call.lengths.uniform = std::ranges::size(data);
        return Mode{}(comm, call, no_operator{});
    }
};

} // namespace detail

/// Every rank ends with all ranks' blocks, in rank order.
///
///     all_gather(comm, mine, all, algorithm)
///     all_gather(comm, all, algorithm)                       in place
///     all_gather_v(comm, mine, all, counts, algorithm)       blocks of unequal size; also in place without `mine`
///
/// Cost: p-1 blocks sent per rank at least.
inline constexpr detail::all_gather_function<detail::blocking> all_gather{};
inline constexpr detail::all_gather_function<detail::asynchronous> async_all_gather{};
inline constexpr detail::all_gather_function<detail::persistent> persistent_all_gather{};
inline constexpr detail::all_gather_v_function<detail::blocking> all_gather_v{};
inline constexpr detail::all_gather_v_function<detail::asynchronous> async_all_gather_v{};
inline constexpr detail::all_gather_v_function<detail::persistent> persistent_all_gather_v{};

/// The root ends with all ranks' blocks, in rank order; other ranks' `all` is not looked at.
///
///     gather(comm, mine, all, root, algorithm)
///     gather_v(comm, mine, all, counts, root, algorithm)
inline constexpr detail::gather_function<detail::blocking> gather{};
inline constexpr detail::gather_function<detail::asynchronous> async_gather{};
inline constexpr detail::gather_function<detail::persistent> persistent_gather{};
inline constexpr detail::gather_v_function<detail::blocking> gather_v{};
inline constexpr detail::gather_v_function<detail::asynchronous> async_gather_v{};
inline constexpr detail::gather_v_function<detail::persistent> persistent_gather_v{};

/// Rank r ends with block r of the root's `all`; other ranks' `all` is not looked at.
///
///     scatter(comm, all, mine, root, algorithm)
///     scatter_v(comm, all, counts, mine, root, algorithm)
inline constexpr detail::scatter_function<detail::blocking> scatter{};
inline constexpr detail::scatter_function<detail::asynchronous> async_scatter{};
inline constexpr detail::scatter_function<detail::persistent> persistent_scatter{};
inline constexpr detail::scatter_v_function<detail::blocking> scatter_v{};
inline constexpr detail::scatter_v_function<detail::asynchronous> async_scatter_v{};
inline constexpr detail::scatter_v_function<detail::persistent> persistent_scatter_v{};

/// Every rank ends with the root's data.
///
///     broadcast(comm, data, root, algorithm)
inline constexpr detail::broadcast_function<detail::blocking> broadcast{};
inline constexpr detail::broadcast_function<detail::asynchronous> async_broadcast{};
inline constexpr detail::broadcast_function<detail::persistent> persistent_broadcast{};

} // namespace chorus
