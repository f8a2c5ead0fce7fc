#pragma once
/// What the ranks of a call tell each other before its data move. It is a part of the operation: whoever starts one waits for nobody.

#include <chorus/core/plain_vector.hpp>
#include <chorus/kernel/kernel.hpp>
#include <chorus/runtime/lengths.hpp>
#include <chorus/runtime/operation.hpp>
#include <chorus/transport/native.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace chorus::detail {

struct cached_program;
struct task;

/// Up to two all-gathers in the exchange of the call: of its signature, then of the lengths of its blocks. Kept with its task and
/// filled again.
struct preparation {
    bool compares = false; ///< every start compares what all ranks call (options::checked)
    bool compared = true;  ///< this one has
    bool gathered = true;  ///< the lengths of all blocks are known, or need not be
    bool is_native = false;

    std::shared_ptr<cached_program> all_gather;
    std::unique_ptr<task> exchange;       ///< the all-gather that runs
    plain_vector<std::uint64_t> words, all; ///< what it gathers

    kernel fold;
    block_lengths lengths; ///< refers to the copies below
    native_call native;    ///< the same

    bool is_needed() const { return compares || !gathered || is_native; }

    /// Remembers what the caller may have given up before the call is bound.
    void keep(operation const& call, int rank, int ranks) {
        fold = call.fold;
        lengths = call.lengths;
        lengths.rank = rank;
        lengths.ranks = ranks;
        auto const copy = [](std::span<std::size_t const>& what, plain_vector<std::size_t>& to) {
            to.clear();
            to.append(what);
            what = {to.data(), to.size()};
        };
        copy(lengths.counts, counts_);
        copy(lengths.incoming, incoming_);
        copy(lengths.input_displacements, input_displacements_);
        copy(lengths.output_displacements, output_displacements_);
    }
    void keep(native_call const& call) {
        is_native = true;
        native = call;
        native.counts = lengths.counts;
        native.incoming_counts = lengths.incoming;
        native.input_displacements = lengths.input_displacements;
        native.output_displacements = lengths.output_displacements;
        native.what_to_fold = &fold;
    }
    /// Takes everybody's counts from what was gathered.
    void set_matrix() {
        matrix_.clear();
        for (auto const each : all) matrix_.push_back(static_cast<std::size_t>(each));
        lengths.matrix = {matrix_.data(), matrix_.size()};
    }

private:
    plain_vector<std::size_t> counts_, incoming_, input_displacements_, output_displacements_, matrix_;
};

} // namespace chorus::detail
