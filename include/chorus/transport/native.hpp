#pragma once
/// Refinement of a transport: collectives of its own, such as MPI's. They are catalogue entries (`native`) but not
/// schedules: they cannot be proven, drawn or planned, and a blocking one drives no other work.

#include <chorus/core/collective.hpp>
#include <chorus/kernel/kernel.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace chorus {

/// A collective call for a native implementation. Counts are elements; `input == nullptr` means in place.
struct native_call {
    collective what = collective::all_reduce;
    std::uint32_t communicator = 0;      ///< as in `exchange`
    std::span<int const> members;        ///< transport ranks of the communicator's ranks; empty: all, in order
    int root = 0;
    void const* input = nullptr;
    void* output = nullptr;
    std::size_t count = 0;               ///< per vector or per block
    std::span<std::size_t const> counts; ///< the v forms: per rank (all_to_all: to each rank)
    std::span<std::size_t const> incoming_counts; ///< all_to_all_v: from each rank
    std::span<std::size_t const> input_displacements;  ///< first element of each block; empty: one after the other
    std::span<std::size_t const> output_displacements; ///< the same for the output
    kernel const* what_to_fold = nullptr; ///< element type and operator
    std::chrono::milliseconds timeout{};  ///< of `run`; what happens then is the transport's affair: it may be unable to throw
};

class native_collectives {
public:
    /// Whether `run` can do this call: depends only on values that are equal on all ranks.
    virtual bool has(native_call const&) const = 0;
    /// Whether it is likely to be faster than any schedule over this transport; equal on all ranks, like `has`.
    virtual bool prefers(native_call const&) const = 0;
    /// Blocks until done.
    virtual void run(native_call const&) = 0;
    /// Starts the call and returns a handle for `test`.
    virtual std::uint64_t start(native_call const&) = 0;
    /// True once the started call has finished; the handle is gone then.
    virtual bool test(std::uint64_t handle) = 0;

protected:
    ~native_collectives() = default;
};

} // namespace chorus
