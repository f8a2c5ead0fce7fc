#pragma once
/// Errors: wrong use is told before anything moves; failures of the world say where they happened.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace chorus {

/// Base of everything that Chorus throws.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The caller's mistake: ranks, counts, overlapping buffers, types, options. Nothing was sent or written.
class usage_error : public error {
public:
    using error::error;
};

/// Where in which collective something failed. Fields that do not apply are -1, 0 or empty.
struct place_of_failure {
    int rank = -1;                 ///< who reports
    int peer = -1;                 ///< whom it concerns, the culprit where one is known
    std::string collective;        ///< "all_reduce"
    std::uint64_t sequence = 0;    ///< the how-manieth collective of its communicator, from 1
    std::string algorithm;         ///< "ring"
    int step = -1;                 ///< index in the rank's schedule
    std::size_t bytes = 0;         ///< size of the message that was awaited or sent
};

/// "rank 2, all_reduce #41 (ring), step 5, peer 3, 4096 bytes"
inline std::string describe(place_of_failure const& where) {
    std::string text;
    auto const add = [&](std::string const& part) { text += (text.empty() ? "" : ", ") + part; };
    if (where.rank >= 0) add("rank " + std::to_string(where.rank));
    if (!where.collective.empty()) {
        auto name = where.collective;
        if (where.sequence != 0) name += " #" + std::to_string(where.sequence);
        if (!where.algorithm.empty()) name += " (" + where.algorithm + ")";
        add(name);
    }
    if (where.step >= 0) add("step " + std::to_string(where.step));
    if (where.peer >= 0) add("peer " + std::to_string(where.peer));
    if (where.step >= 0) add(std::to_string(where.bytes) + " bytes");
    return text;
}

/// A failure of the world: a peer that left, a link that broke, a call that does not match its peers'.
class transport_error : public error {
public:
    transport_error(std::string const& what, place_of_failure where)
        : error(where.rank < 0 ? what : describe(where) + ": " + what), where_(std::move(where)) {}

    place_of_failure const& where() const noexcept { return where_; }

private:
    place_of_failure where_;
};

/// A deadline passed: the last resort, where no transport could tell who failed.
class timeout_error : public transport_error {
public:
    using transport_error::transport_error;
};

} // namespace chorus
