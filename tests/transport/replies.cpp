/// Answers that are written straight to the memory of a posted receive: what follows them is never taken for them.

#include "support/transport_pairs.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr std::size_t bytes = 10'000;
constexpr exchange at(std::uint32_t sequence) { return {0, sequence, 42, 0}; }

struct received {
    std::byte first{}, second{}; ///< in the two receives of rank 0
    std::vector<token> tokens;   ///< in the order of their completion
};

/// Rank 0 offers the memory of its first receive. Rank 1 answers there and sends another message. Rank 0 posts its
/// receives before or after that, and polls for so many completions at a time.
template <class Transport>
received answer_and_send(transport_pair<Transport>& pair, bool posted_before, std::size_t at_a_time) {
    auto &mine = *pair[0], &other = *pair[1];
    auto* const out = pair.memory(0, bytes);
    auto* const first = pair.memory(0, bytes);
    auto* const second = pair.memory(0, bytes);
    auto* const reply = pair.memory(1, bytes);
    piece const sent{out, bytes}, into_first{first, bytes}, into_second{second, bytes}, next{reply, bytes};
    std::vector<std::byte> staging(bytes);
    std::memset(reply, 2, bytes);
    received got;
    auto const post = [&](piece const& where, token tok) {
        if (mine.post_recv(1, at(1), std::span(&where, 1), tok)) got.tokens.push_back(tok);
    };
    if (posted_before) post(into_first, 1);
    if (posted_before) post(into_second, 2);
    mine.post_offer(1, at(1), std::span(&sent, 1), 3, {into_first, 1, 0});
    other.post_view(0, at(1), {staging.data(), bytes}, 4);
    std::memset(other.reply_memory(4, 0, bytes), 1, bytes);
    other.reply(4);
    other.post_send(0, at(1), std::span(&next, 1), 5);
    if (!posted_before) post(into_first, 1);
    if (!posted_before) post(into_second, 2);
    std::array<completion, 4> done;
    for (int i = 0; i < 20; ++i) {
        // The answer takes two places, so with one place the message behind it is looked at first.
        auto const found = mine.poll(std::span(done).first(i < 10 ? at_a_time : done.size()));
        for (std::size_t k = 0; k < found; ++k) got.tokens.push_back(done[k].which);
        other.poll(done);
    }
    got.first = first[bytes - 1];
    got.second = second[bytes - 1];
    return got;
}

template <class Transport>
void check_all() {
    for (bool const posted_before : {true, false})
        for (std::size_t const at_a_time : {1u, 2u, 4u}) {
            CAPTURE(Transport::name, posted_before, at_a_time);
            transport_pair<Transport> pair;
            auto const got = answer_and_send(pair, posted_before, at_a_time);
            CHECK(got.first == std::byte{1});
            CHECK(got.second == std::byte{2});
            CHECK(got.tokens.size() == 3);
        }
}

} // namespace

TEST_CASE("a message behind an answer does not go to the receive that was answered", "[transport/replies]") {
    check_all<threads_transport>();
    check_all<shm_transport>();
}
