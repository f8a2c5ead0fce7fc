/// Messages that their sender takes back: what follows them is nobody's, and what was read of them is worth nothing.

#include "support/transport_pairs.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr std::size_t long_bytes = 10'000, short_bytes = 100;
constexpr exchange where{0, 1, 42, 0};

/// How many of two receives get something after the sender has taken back the first of two messages: one that is read
/// where it lies, and one that it has let go of.
template <class Transport>
std::size_t received_after_withdrawal(transport_pair<Transport>& pair, bool posted_before) {
    auto* const out = pair.memory(0, long_bytes);
    std::array<std::byte, short_bytes> small{};
    std::vector<std::byte> first(long_bytes), second(short_bytes);
    piece const sent{out, long_bytes}, behind{small.data(), short_bytes}, into_first{first.data(), long_bytes},
        into_second{second.data(), short_bytes};
    std::size_t count = 0;
    auto const post_both = [&] {
        count += pair[1]->post_recv(0, where, std::span(&into_first, 1), 1) ? 1 : 0;
        count += pair[1]->post_recv(0, where, std::span(&into_second, 1), 2) ? 1 : 0;
    };
    if (posted_before) post_both();
    CHECK_FALSE(pair[0]->post_send(1, where, std::span(&sent, 1), 3));
    CHECK(pair[0]->post_send(1, where, std::span(&behind, 1), 4));
    CHECK(pair[0]->withdraw());
    if (!posted_before) post_both();
    std::array<completion, 4> done;
    for (int i = 0; i < 10; ++i) count += pair[1]->poll(done);
    return count;
}

template <class Transport>
void check_what_follows() {
    for (bool const posted_before : {true, false}) {
        CAPTURE(Transport::name, posted_before);
        transport_pair<Transport> pair;
        CHECK(received_after_withdrawal(pair, posted_before) == 0);
        auto const why = pair[1]->failure();
        REQUIRE(why);
        CHECK(why->why == transport_failure::kind::revoked);
        CHECK(why->rank == 0);
    }
}

template <class Transport>
void check_kept_view() {
    CAPTURE(Transport::name);
    transport_pair<Transport> pair;
    auto* const out = pair.memory(0, long_bytes);
    piece const sent{out, long_bytes};
    std::vector<std::byte> staging(long_bytes);
    CHECK_FALSE(pair[0]->post_send(1, where, std::span(&sent, 1), 3));
    REQUIRE(pair[1]->post_view(0, where, {staging.data(), long_bytes}, 4) == out);
    CHECK(pair[0]->withdraw()); // at once, whatever the other rank does meanwhile
    CHECK_FALSE(pair[1]->touch(4));
    CHECK(pair[1]->failure());
    pair[1]->release(4);
}

} // namespace

TEST_CASE("what was sent behind a withdrawn message reaches nobody", "[transport/withdrawn]") {
    check_what_follows<threads_transport>();
    check_what_follows<shm_transport>();
}

TEST_CASE("a view that is kept for later can be taken back", "[transport/withdrawn]") {
    check_kept_view<threads_transport>();
    check_kept_view<shm_transport>();
}

TEST_CASE("a rank that was stopped while it read and wrote is fenced off", "[transport/withdrawn]") {
    transport_pair<shm_transport> pair;
    auto* const out = pair.memory(0, long_bytes);
    auto* const back = pair.memory(0, long_bytes);
    auto* const bystander = pair.memory(0, long_bytes);
    piece const sent{out, long_bytes}, answer{back, long_bytes};
    std::vector<std::byte> staging(long_bytes);
    std::memset(back, 7, long_bytes);
    CHECK_FALSE(pair[0]->post_offer(1, where, std::span(&sent, 1), 3, {answer, 5, 0}));
    REQUIRE(pair[1]->post_view(0, where, {staging.data(), long_bytes}, 4) != nullptr);
    REQUIRE(pair[1]->touch(4));
    auto* const reply = pair[1]->reply_memory(4, 0, long_bytes);
    REQUIRE(reply != nullptr);

    CHECK(pair[0]->withdraw()); // the reader does not go on meanwhile
    CHECK_FALSE(pair[1]->touch(4));
    CHECK(back[long_bytes - 1] == std::byte{7});
    pair[1]->reply(4);
    std::array<completion, 4> done;
    CHECK(pair[0]->poll(done) == 0);

    // In one process both see the one mapping: only what is sent from there tells whether it is shared still.
    auto const goes_directly = [&](std::byte* memory) {
        piece const what{memory, long_bytes};
        return !pair[0]->post_send(1, {0, 2, 42, 0}, std::span(&what, 1), 6);
    };
    CHECK_FALSE(goes_directly(back));
    CHECK(goes_directly(bystander));
    pair[0]->withdraw();
    auto* const next = pair.memory(0, long_bytes);
    CHECK(goes_directly(next));
    pair[0]->withdraw();
    pair[0]->free(back);
    CHECK(pair.memory(0, long_bytes) != back); // its place is given to nobody
}
