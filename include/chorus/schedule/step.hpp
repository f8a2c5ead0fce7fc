#pragma once
/// One step of one rank: the vocabulary of schedules.

#include <chorus/core/slice.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace chorus {

enum class step_kind : std::uint8_t {
    send,        ///< read `source`, send it to `peer`
    recv,        ///< receive from `peer` into `target`
    recv_reduce, ///< receive from `peer`; target = source op received (or received op source, by `received`)
    copy,        ///< target = source
    reduce,      ///< target = target op source (or source op target, by `received`)
    finish,      ///< the operator's last step on `target`: the division of an average
};

inline constexpr std::array<std::string_view, 6> step_kind_names{"send", "recv",   "recv_reduce",
                                                                 "copy", "reduce", "finish"};
constexpr std::string_view name(step_kind kind) { return step_kind_names[static_cast<std::size_t>(kind)]; }

/// On which side of the operator an arriving operand stands. An algorithm keeps operand order if it always puts the
/// contributions of lower ranks on the left.
enum class side : std::uint8_t { left, right };

/// One step. Slices that a kind does not use are empty. `recv_reduce` usually folds in place (source == target); where
/// the target so far only mirrors the caller's input, the recorder lets it read the operand from the input instead.
struct step {
    step_kind kind = step_kind::copy;
    side received = side::right; ///< side of the operand that arrives (recv_reduce) or is folded in (reduce)
    std::uint8_t lane = 0;       ///< messages of different lanes are matched independently of each other
    std::int32_t peer = -1;
    std::int32_t index = 0;   ///< the how-manieth step of the algorithm this is; its segments share the number
    std::int32_t segment = 0; ///< and which segment of it
    slice_list source;
    slice_list target;

    bool sends() const { return kind == step_kind::send; }
    bool receives() const { return kind == step_kind::recv || kind == step_kind::recv_reduce; }
    bool is_message() const { return sends() || receives(); }
};

} // namespace chorus
