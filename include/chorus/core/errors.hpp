#pragma once
/// Errors: wrong use is told before anything moves; failures of the world say where they happened.

#include <chorus/core/text.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
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

namespace detail {

/// Throws a usage_error that says "chorus: " and the words.
[[noreturn, gnu::cold, gnu::noinline]] inline void misuse(std::initializer_list<text_part> words) {
    throw usage_error("chorus: " + text(words));
}

/// What a rank said, without its own name in front: whoever passes it on puts that there, once.
[[gnu::cold]] inline std::string_view without_rank(std::string_view said, int rank) {
    auto const name = text({"rank ", rank});
    if (said.starts_with(name + ": ") || said.starts_with(name + ", ")) said.remove_prefix(name.size() + 2);
    return said;
}

} // namespace detail

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
[[gnu::cold]] inline std::string describe(place_of_failure const& where) {
    std::string text;
    auto const add = [&](std::initializer_list<detail::text_part> words) {
        detail::append(text, {text.empty() ? "" : ", "});
        detail::append(text, words);
    };
    if (where.rank >= 0) add({"rank ", where.rank});
    if (!where.collective.empty()) {
        add({where.collective});
        if (where.sequence != 0) detail::append(text, {" #", where.sequence});
        if (!where.algorithm.empty()) detail::append(text, {" (", where.algorithm, ")"});
    }
    if (where.step >= 0) add({"step ", where.step});
    if (where.peer >= 0) add({"peer ", where.peer});
    if (where.step >= 0) add({where.bytes, " bytes"});
    return text;
}

/// A failure of the world: a peer that left, a link that broke, a call that does not match its peers'.
class transport_error : public error {
public:
    [[gnu::cold]] transport_error(std::string const& what, place_of_failure where)
        : error(where.rank < 0 ? what : detail::text({describe(where), ": ", what})), where_(std::move(where)) {}

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
