#pragma once
/// Jobs as users describe them, one struct for each kind.

#include <chorus/algorithm/choice.hpp>
#include <chorus/core/collective.hpp>
#include <chorus/traffic/model.hpp>
#include <chorus/traffic/parallel.hpp>
#include <chorus/traffic/program.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace chorus::traffic {

/// Which algorithm each dimension's collectives run; "in_network" is a reduction by the switches (all_reduce only).
struct algorithms {
    std::string tensor = "ring", data = "ring", expert = "pairwise";
};

/// Training of a transformer, bulk-synchronous. See training.hpp for what becomes of it.
struct training {
    traffic::model model;
    parallel how;
    algorithms by;
    std::int64_t global_batch = 1, micro_batch = 1; ///< sequences per iteration; per pass of one data rank
    double device_flops = 300e12;   ///< peak of one rank, per second
    double compute_efficiency = 0.5; ///< part of it that computation alone reaches
    double activation_bytes = 2, gradient_bytes = 2; ///< per element
    int buckets = 4;                ///< pieces in which gradients are exchanged while the backward pass goes on
    bool sharded_optimizer = false; ///< reduce_scatter of gradients and all_gather of parameters instead of all_reduce
    double overlap = 1;             ///< part of the backward pass of the last micro-batch that may hide gradient exchange
    double expert_skew = 0;         ///< 0: tokens are even; s: expert i is visited in proportion to (i + 1)^-s, by a seeded order
    std::uint64_t seed = 1;
    std::int64_t iterations = 1;
    double straggler = 1;           ///< the slowest rank's computation takes so many times longer
};

/// One collective among all ranks, or in groups of neighbours at once, a number of times.
struct collective_job {
    collective what = collective::all_reduce;
    double bytes = 0;    ///< of the vector, or of one block (phases_of)
    std::string algorithm = "ring";
    int hierarchy = 0;   ///< hierarchical: neighbours in groups of so many
    std::string inside = "auto", between = "auto"; ///< and what runs in them and between them
    int ranks = 2;
    int group = 0;       ///< neighbours that form one communicator; 0: all ranks
    int stride = 1;      ///< how far apart they are
    double times = 1;
    std::size_t sample = 0; ///< simulate so many of its phases only, drawn by `seed`; 0: all
    std::uint64_t seed = 1;
};

/// Keys and values move from prefill ranks to decode ranks, `transfers` prompts at once.
struct transfer_job {
    traffic::model model;
    int prefill = 1, decode = 1; ///< ranks; the prefill group comes first
    int prefill_tensor = 1, decode_tensor = 1; ///< ranks that share one prompt's keys and values on either side
    std::int64_t tokens = 1;     ///< of a prompt
    double element_bytes = 2;
    double compute = 0;          ///< seconds of prefill before
};

/// Every rank writes its part of a checkpoint to a storage rank, in turn.
struct checkpoint_job {
    int ranks = 1, storage = 1; ///< storage ranks come last
    double bytes = 0;           ///< in all
};

/// Messages as they are: imported ones, or a list in the job's file.
struct message_job {
    int ranks = 2;
    std::vector<activity> activities; ///< `after` counts from the first of them; what waits for nothing begins with the job
};

struct job {
    std::string name = "job";
    std::string origin;               ///< where it was read, "FILE: /jobs/0", for error messages; may be empty
    std::string placement = "linear"; ///< of network/placement.hpp
    std::string said_in;              ///< the file that names the placement; empty: nobody's
    std::uint32_t first = 0;          ///< the place in it of rank 0
    double start = 0;                 ///< seconds
    std::variant<training, collective_job, transfer_job, checkpoint_job, message_job> what;
};

} // namespace chorus::traffic
