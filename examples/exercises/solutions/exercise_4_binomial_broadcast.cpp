// Solution of exercise 4.
#include "../check.hpp"

/// `data` is there at the root at first, and on all ranks afterwards.
struct binomial_broadcast {
    template <chorus::schedule_sink Sink>
    void operator()(Sink& sink, chorus::slice_list const& data, int root) const {
        // Count ranks from the root: then it is number 0, whoever it is.
        auto const size = sink.size(), number = chorus::mod(sink.rank() - root, size);
        auto const rank_of = [&](int n) { return chorus::mod(n + root, size); };
        for (int have = 1; have < size; have *= 2) { // numbers below `have` have the data
            if (number < have && number + have < size) sink.send(rank_of(number + have), data);
            if (number >= have && number < 2 * have) sink.recv(rank_of(number - have), data);
        }
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
