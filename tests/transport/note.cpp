/// What a rank entered last is read in one piece, however often it changes meanwhile.

#include <chorus/transport/detail/note.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace chorus;

TEST_CASE("a note's place and signature belong together", "[transport/note]") {
    detail::note entered;
    auto const signature_of = [](std::uint32_t sequence) { return sequence * std::uint64_t{0x9e3779b97f4a7c15}; };
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (std::uint32_t sequence = 1; sequence <= 2'000'000; ++sequence)
            entered.write({7, sequence, signature_of(sequence), 0});
        done = true;
    });
    std::uint32_t last = 0;
    std::size_t torn = 0, backwards = 0;
    while (!done) {
        auto const seen = entered.read();
        if (!seen) continue;
        if (seen->signature != signature_of(seen->sequence)) ++torn;
        if (seen->sequence < last) ++backwards;
        last = seen->sequence;
    }
    writer.join();
    CHECK(torn == 0);
    CHECK(backwards == 0);
    CHECK(entered.read()->sequence == 2'000'000);
    CHECK(entered.read()->communicator == 7);
}
