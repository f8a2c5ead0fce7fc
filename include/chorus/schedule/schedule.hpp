#pragma once
/// A schedule: what one rank does in one collective, as data. Recorded once per shape, never changed afterwards.

#include <chorus/core/collective.hpp>
#include <chorus/schedule/step.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace chorus {

/// What a buffer of a schedule consists of. Block k of the buffer is as long as block `blocks[k]` of the collective:
/// for all_reduce, broadcast, reduce and scan there is one block, 0; for all_gather, reduce_scatter, gather and scatter
/// block i is rank i's; for all_to_all block i * p + j goes from rank i to rank j.
struct buffer_shape {
    std::vector<std::int32_t> blocks;
    position begin{}; ///< where memory of this buffer starts; scratch may mirror a part of a block only
    position end{};   ///< and where it ends
};

struct schedule {
    collective what = collective::all_reduce;
    std::string algorithm; ///< as `explain` and error messages call it: "ring", "bruck:radix=4"
    int rank = 0;
    int ranks = 1;
    int root = -1; ///< -1 where there is none
    int segments = 1; ///< into how many segments each message was cut
    /// Reductions into one slice, one after the other, are one fold of all their operands, which arrive without waiting for each
    /// other: it rounds once, after the operator's last step, and there is no `finish`.
    bool rounds_once = false;
    bool synchronises = false; ///< empty messages matter (barrier); otherwise both ends leave them out

    std::vector<step> steps;
    std::vector<buffer_shape> buffers; ///< by buffer_id: input, output, scratch...

    /// Steps that step i must wait for, before it is posted (send, recv) or before it folds (recv_reduce) or runs.
    std::vector<std::vector<std::int32_t>> predecessors;
};

} // namespace chorus
