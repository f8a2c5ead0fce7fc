#pragma once
/// Before MPI is initialised: was this process started as one of many, and is it the one that speaks?

#include <cstdlib>
#include <string_view>

namespace chorus::tools {

/// The rank that the launcher gave to this process; 0 without a launcher.
inline bool is_first_rank() {
    for (auto const* const variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
        if (auto const* const rank = std::getenv(variable)) return std::string_view(rank) == "0";
    return true;
}

} // namespace chorus::tools
