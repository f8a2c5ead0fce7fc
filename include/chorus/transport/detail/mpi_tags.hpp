#pragma once
/// How an exchange becomes an MPI tag.
///
///     | communicator 10 | sequence 8 | lane 2 | fold 0..11 |
///
/// MPI promises tags up to MPI_TAG_UB only: 31 bits in Open MPI, 28 in MPICH. What remains below the fixed 20 bits
/// holds a fold of the signature, the length and the communicator's higher bits, so that a message of another call is
/// not received by mistake. With Open MPI 4.1 that is more than a courtesy: a long message overruns the buffer of a
/// receive that is too short for it.
///
/// The sequence wraps: 0 (point-to-point) stays 0, collectives take 1..255 in turn. That is harmless. MPI keeps
/// messages of one (source, tag) in order, and a rank has less than 64 collectives of a communicator in flight: it
/// posts the receives of number n before those of n + 255, and whoever sends for n + 255 has sent everything of n.

#include <chorus/core/errors.hpp>
#include <chorus/transport/transport.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace chorus::detail {

class mpi_tags {
public:
    /// `upper_bound` is the value of MPI_TAG_UB.
    explicit mpi_tags(int upper_bound)
        : fold_bits_(std::min(
              static_cast<int>(std::bit_width(static_cast<unsigned>(upper_bound) + 1u)) - 1 - fixed_bits, 11)) {
        if (fold_bits_ < 0)
            throw usage_error("chorus: this MPI library has tags up to " + std::to_string(upper_bound) +
                              " only, Chorus needs " + std::to_string((1 << fixed_bits) - 1));
    }

    int operator()(exchange const& ex, std::size_t bytes) const { return place(ex) | fold(ex, bytes); }

private:
    static constexpr int fixed_bits = 20;

    int place(exchange const& ex) const {
        auto const sequence = ex.sequence == 0 ? 0 : 1 + (ex.sequence - 1) % 255;
        auto const fixed = (ex.communicator & 1023u) << 10 | sequence << 2 | (ex.lane & 3u);
        return static_cast<int>(fixed << fold_bits_);
    }
    int fold(exchange const& ex, std::size_t bytes) const {
        auto const mixed = (ex.signature ^ ex.communicator >> 10 ^ bytes * 0xd6e8feb86659fd93u) * 0x9e3779b97f4a7c15u;
        return static_cast<int>(mixed >> 32 >> (32 - fold_bits_));
    }

    int fold_bits_;
};

} // namespace chorus::detail
