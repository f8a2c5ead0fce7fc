#pragma once
/// One collective call, with everything erased: what the public templates hand to the communicator.

#include <chorus/algorithm/entry.hpp>
#include <chorus/kernel/kernel.hpp>
#include <chorus/runtime/lengths.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace chorus {

struct operation {
    collective what = collective::all_reduce;
    void const* input = nullptr; ///< null in place
    void* output = nullptr;
    bool in_place = false;
    int root = 0;
    kernel fold;
    choice how;            ///< what the caller asked for
    block_lengths lengths;
    bool counts_known_to_all = true; ///< false for all_to_all_v
    std::span<catalogue_entry const> entries; ///< the algorithms of `what`
};

} // namespace chorus
