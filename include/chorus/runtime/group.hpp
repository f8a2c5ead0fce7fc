#pragma once
/// The ranks of a communicator, shared by it and its requests.

#include <chorus/runtime/context.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace chorus {

struct tuning_table;

namespace detail {

/// Messages to or from one peer: their program, and those that are under way.
struct message_line {
    std::shared_ptr<cached_program> home;
    task_line line;
};

/// The ranks of a communicator: shared by it and its unfinished requests, so that its number is not reused before.
struct group {
    /// Of all ranks.
    explicit group(std::shared_ptr<context> of)
        : owner(std::move(of)), rank(owner->rank()), size(owner->size()), epoch(owner->epoch()), generation(owner->first_generation()) {}
    group(group const&) = delete;
    group& operator=(group const&) = delete;
    ~group() {
        if (number != 0 && epoch == owner->epoch()) owner->numbers_in_use().reset(number);
    }

    void require_working() const { owner->require_working(epoch); }
    /// What messages carry: different for all communicators that a rank is ever a member of, unless they are millions.
    std::uint32_t wire_number() const { return generation * static_cast<std::uint32_t>(context::most_communicators) + number; }
    std::span<int const> members() const { return ranks; }
    int world_rank(int member) const { return ranks.empty() ? member : ranks[static_cast<std::size_t>(member)]; }

    std::shared_ptr<context> owner;
    std::vector<int> ranks; ///< in the numbers of the transport; empty: all of them
    int rank;
    int size;
    std::uint32_t number = 0;
    std::uint32_t epoch;
    std::uint32_t generation;
    std::uint32_t sequence = 0; ///< of the last collective
    task_line line;
    std::vector<message_line> messages; ///< by peer and direction; empty: there were none yet
    std::shared_ptr<cached_program> all_gather; ///< in which the ranks tell each other what they must
    int determinism = 2; ///< the level that every call holds
    bool shared_buffers = false; ///< calls are chosen for buffers of `allocate`
    std::unique_ptr<own_messages> to_itself; ///< null before the first
    std::shared_ptr<tuning_table const> tuning; ///< what the members have agreed on; null: what the transport says of itself
};

} // namespace detail

} // namespace chorus
