// Exercise 5. A direct all-reduce: rank i folds part i of everybody, then sends the sum to everybody. Its author tested
// it on two ranks, where it works. Run it, read what the proof says of three, and find what is wrong.
//
//     cmake --build build --target exercise_5_wrong_step
//     build/bin/examples/exercises/exercise_5_wrong_step
#include "check.hpp"

struct two_shot {
    template <chorus::schedule_sink Sink>
    void operator()(Sink& sink, chorus::slice_list const& data) const {
        auto const rank = sink.rank(), size = sink.size();
        auto const part = [&](int i) { return data.part(i, size); };
        for (int distance = 1; distance < size; ++distance) {
            auto const to = chorus::mod(rank + distance, size), from = chorus::mod(rank - distance, size);
            sink.send(to, part(to)); // its part of mine
            sink.recv_reduce(from, part(rank));
            sink.send(to, part(rank)); // my sum
            sink.recv(from, part(from));
        }
    }
};

int main() { return exercise::verdict(exercise::proves<chorus::collective::all_reduce>(two_shot{})); }
