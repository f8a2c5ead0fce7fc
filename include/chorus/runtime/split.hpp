#pragma once
/// What the ranks of a communicator agree on before they go on: its parts, and that they call the same. Part of
/// communicator.hpp.

#include <chorus/algorithm/all_gather/bruck.hpp>
#include <chorus/runtime/communicator.hpp>
#include <chorus/runtime/group.hpp>
#include <chorus/runtime/signature.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

[[gnu::cold]] CHORUS_INLINE std::shared_ptr<detail::cached_program> const& communicator::all_gather_of_words() {
    if (!group_->all_gather) {
        choice how;
        how.name = "agreement";
        record_function const algorithm = [](record_sink& sink, arguments const& args) { bruck_all_gather(sink, args.blocks); };
        call_shape const shape{collective::all_gather, rank(), size(), 0, false, false, 1};
        group_->all_gather = owner().find_program(shape, algorithm, how);
    }
    return group_->all_gather;
}

[[gnu::cold]] CHORUS_INLINE void communicator::exchange_words(std::span<std::uint64_t const> words, plain_vector<std::uint64_t>& out) {
    context::inside const guard(owner());
    out.resize(words.size() * static_cast<std::size_t>(size()));
    auto task = owner().take_task(all_gather_of_words());
    block_lengths lengths;
    lengths.uniform = words.size();
    task->run->bind(lengths, copy_kernel<std::uint64_t>());
    exchange const ex{group_->wire_number(), ++group_->sequence, detail::agreement_signature(words.size()), 0};
    try {
        owner().start(group_->line, *task, {words.data(), out.data(), ex, group_->members()});
        owner().wait(*task);
    } catch (...) {
        owner().stop(*task);
        throw;
    }
    owner().recycle(std::move(task));
}

[[gnu::cold]] CHORUS_INLINE void communicator::check_agreement(std::uint64_t signature) {
    std::array<std::uint64_t, 1> const mine{signature};
    exchange_words(mine, words_);
    detail::require_same_call(words_, signature, world_rank(rank()), group_->members());
}

[[gnu::cold]] CHORUS_INLINE communicator communicator::split(int color, int key) {
    require_member();
    context::inside const guard(owner());
    require_valid();
    owner().shares_progress();
    constexpr auto mask_words = context::most_communicators / 64;
    constexpr std::size_t facts = 3;
    plain_vector<std::uint64_t> mine(facts + mask_words), all;
    mine[0] = static_cast<std::uint64_t>(static_cast<std::int64_t>(color));
    mine[1] = static_cast<std::uint64_t>(static_cast<std::int64_t>(key));
    mine[2] = owner().generation();
    for (std::size_t i = 0; i < context::most_communicators; ++i)
        if (owner().numbers_in_use().test(i)) mine[facts + i / 64] |= std::uint64_t{1} << (i % 64);
    exchange_words(mine, all);
    auto const word = [&](int rank, std::size_t i) { return all[static_cast<std::size_t>(rank) * mine.size() + i]; };

    // A generation that no rank here has seen, and the next number that none uses: the groups of one split may share them, since they
    // are disjoint. So a message that nobody received is never taken for one of a later communicator.
    std::uint32_t generation = 0, number = 0;
    for (int r = 0; r < size(); ++r) generation = std::max(generation, static_cast<std::uint32_t>(word(r, 2)) + 1);
    owner().set_generation(generation);
    for (std::uint32_t k = 0; number == 0 && k < context::most_communicators - 1; ++k) {
        auto const i = 1 + (generation + k) % (context::most_communicators - 1);
        auto used = false;
        for (int r = 0; r < size(); ++r) used = used || ((word(r, facts + i / 64) >> (i % 64)) & 1u) != 0;
        if (!used) number = static_cast<std::uint32_t>(i);
    }
    if (number == 0) detail::misuse({"more than 1023 communicators at once"});
    if (color < 0) return {};

    struct member {
        std::int64_t key;
        int rank;
    };
    plain_vector<member> order;
    for (int r = 0; r < size(); ++r) {
        if (static_cast<std::int64_t>(word(r, 0)) != color) continue;
        auto const its_key = static_cast<std::int64_t>(word(r, 1));
        auto place = order.size();
        while (place > 0 && order[place - 1].key > its_key) --place;
        order.insert(place, {its_key, r});
    }
    communicator result;
    result.group_ = std::make_shared<detail::group>(group_->owner);
    for (auto const& each : order) {
        if (each.rank == rank()) result.group_->rank = static_cast<int>(result.group_->ranks.size());
        result.group_->ranks.push_back(world_rank(each.rank));
    }
    result.group_->size = static_cast<int>(order.size());
    result.group_->number = number;
    result.group_->generation = generation;
    result.group_->tuning = group_->tuning;
    result.group_->determinism = group_->determinism;
    result.group_->shared_buffers = group_->shared_buffers;
    owner().numbers_in_use().set(number);
    return result;
}

CHORUS_INLINE communicator communicator::subgroup(std::span<int const> ranks) {
    require_valid();
    plain_vector<bool> seen(static_cast<std::size_t>(size()));
    int position = no_color;
    std::uint32_t list = detail::hash_word(static_cast<std::uint32_t>(ranks.size()));
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        auto const r = ranks[i];
        if (r < 0 || r >= size()) detail::misuse({"subgroup names rank ", r, " of ", size()});
        if (seen[static_cast<std::size_t>(r)]) detail::misuse({"subgroup names rank ", r, " twice"});
        seen[static_cast<std::size_t>(r)] = true;
        list = detail::hash_word(static_cast<std::uint32_t>(r), list);
        if (r == rank()) position = static_cast<int>(i);
    }
    auto result = split(position < 0 ? no_color : static_cast<int>(list & 0x7fffffffu), position);
    if (position >= 0 && result.size() != static_cast<int>(ranks.size())) // who names another list has another colour
        detail::misuse({"subgroup: of the ", ranks.size(), " ranks that rank ", world_rank(rank()), " names only ", result.size(), " name the same list"});
    return result;
}

CHORUS_INLINE communicator communicator::shrink() {
    if (!group_) require_valid();
    auto const owner = group_->owner;
    context::inside const guard(*owner);
    communicator result;
    auto survivors = owner->renew();
    result.group_ = std::make_shared<detail::group>(owner);
    result.group_->rank = 0;
    while (survivors[static_cast<std::size_t>(result.group_->rank)] != owner->rank()) ++result.group_->rank;
    result.group_->size = static_cast<int>(survivors.size());
    result.group_->ranks = std::move(survivors);
    return result;
}

[[gnu::cold]] CHORUS_INLINE std::vector<int> communicator::hosts() const {
    std::vector<int> seen, result;
    for (int r = 0; r < size(); ++r) {
        auto const host = owner().transport().host_of(world_rank(r));
        std::size_t number = 0;
        while (number < seen.size() && seen[number] != host) ++number;
        if (number == seen.size()) seen.push_back(host);
        result.push_back(static_cast<int>(number));
    }
    return result;
}

} // namespace chorus
