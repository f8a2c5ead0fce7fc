// Exercise 3. All-gather around a ring: every rank begins with its own block and ends with all of them, and talks to
// its two neighbours only. p - 1 rounds, one block in each.
//
//     cmake --build build --target exercise_3_ring_all_gather
//     build/bin/examples/exercises/exercise_3_ring_all_gather
#include "check.hpp"

/// blocks[i] is where rank i's block belongs; blocks[sink.rank()] is there already. Indices wrap around: blocks[-1] is
/// the last block.
struct ring_all_gather {
    template <chorus::schedule_sink Sink>
    void operator()(Sink& sink, chorus::block_list const& blocks) const {
        auto const rank = sink.rank(), size = sink.size();
        auto const next = chorus::mod(rank + 1, size), prev = chorus::mod(rank - 1, size);
        for (int step = 0; step < size - 1; ++step) {
            // Your turn: which block goes on in this step, and which one arrives? This passes the wrong one.
            sink.send(next, blocks[rank]);
            sink.recv(prev, blocks[rank - step - 1]);
        }
    }
};

int main() {
    return exercise::verdict(
        exercise::proves<chorus::collective::all_gather>(ring_all_gather{}, [](int ranks) { return ranks - 1; }));
}
