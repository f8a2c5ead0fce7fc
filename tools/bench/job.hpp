#pragma once
/// One collective of one size as the benchmark runs it: buffers, call, and what must come out.

#include "elements.hpp"
#include "options.hpp"

#include <chorus/runtime/allocate.hpp>
#include <chorus/runtime/communicator.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace chorus::tools {

/// Memory that only grows, on pages of its own, and stays in use from row to row: the ranks' own, or such that peers read directly.
class arena {
public:
    /// Null: the rank's own.
    explicit arena(communicator* shared) : shared_(shared) {}
    std::byte* reserve(std::size_t bytes);

private:
    struct free {
        void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{4096}); }
    };
    communicator* shared_;
    shared_buffer<std::byte> buffer_;
    std::unique_ptr<std::byte, free> memory_;
    std::size_t size_ = 0;
};

/// How many elements a call has at one rank.
struct call_size {
    std::size_t uniform = 0; ///< per vector or block
    std::size_t input = 0;
    std::size_t output = 0;
};
/// `count` elements in all: the vector, or all blocks together.
call_size size_at(collective what, std::size_t count, int rank, int ranks, int root);

/// `bytes` are not cut evenly: by elements, or by the blocks of all ranks.
bool cuts_evenly(collective what, std::size_t bytes, std::size_t element_bytes, int ranks);

class job {
public:
    /// Uses `input` and `output` from the beginning; allocates for `mode`.
    job(communicator& comm, collective what, std::size_t bytes, element_type const& type, bench_options const& how,
        arena& input, arena& output);

    operation const& call() const { return call_; }
    operation& call() { return call_; }

    /// Goes to the buffers of iteration i (cold: others than those before).
    void place(std::size_t i);
    /// Writes the input, as a program does between two collectives: other numbers in every turn, so that what is left of
    /// the turn before is wrong.
    void write_input(std::size_t turn = 0);
    /// The same input in all buffers that place() goes to.
    void write_all_inputs();
    /// Writes something wrong into an element of every rank's block of the output, so that none can be left out.
    void mark_output(std::size_t turn);
    /// Writes something wrong into the output, so that nothing right is left from before.
    void spoil_output();
    bool output_is_right() const;

    /// The least that memory has to do for this collective (docs/bench.md), at this rank.
    void touch_memory();

private:
    std::byte* input() const { return input_ + offset_; }
    std::byte* output() const { return output_ + offset_; }
    std::size_t bytes_of(std::size_t count) const { return count * type_.bytes; }
    void fold_blocks();

    element_type const& type_;
    call_size size_;
    operation call_;
    int rank_, ranks_;
    std::size_t count_; ///< elements in all
    std::byte* input_;
    std::byte* output_;
    std::size_t stride_ = 0, positions_ = 1; ///< cold: where the buffers of an iteration may lie
    std::size_t offset_ = 0;
    std::size_t shift_ = 0; ///< where the numbers of the input that was written last begin
    std::vector<std::uint8_t> contributed_, wanted_; ///< of folds
};

} // namespace chorus::tools
