// Exercise 4. Broadcast along a binomial tree: in every round, whoever has the data sends them to one who has not, so
// that their number doubles. ceil(log2 p) rounds instead of p - 1.
//
//     cmake --build build --target exercise_4_binomial_broadcast
//     build/bin/examples/exercises/exercise_4_binomial_broadcast
#include "check.hpp"

/// `data` is there at the root at first, and on all ranks afterwards.
struct binomial_broadcast {
    template <chorus::schedule_sink Sink>
    void operator()(Sink& sink, chorus::slice_list const& data, int root) const {
        // Count ranks from the root: then it is number 0, whoever it is.
        auto const size = sink.size(), number = chorus::mod(sink.rank() - root, size);
        auto const rank_of = [&](int n) { return chorus::mod(n + root, size); };
        // Your turn: this is right, but takes p - 1 rounds: a chain from one to the next.
        if (number > 0) sink.recv(rank_of(number - 1), data);
        if (number + 1 < size) sink.send(rank_of(number + 1), data);
    }
};

int main() {
    auto const doublings = [](int ranks) {
        int rounds = 0;
        while ((1 << rounds) < ranks) ++rounds;
        return rounds;
    };
    return exercise::verdict(exercise::proves<chorus::collective::broadcast>(binomial_broadcast{}, doublings));
}
