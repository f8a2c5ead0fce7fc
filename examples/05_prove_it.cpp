// Is an algorithm right? `verify` runs its schedules with symbols in place of numbers: for all counts and values at
// once. If something is wrong, it says what and where. Here the ring, as it should be and with two mistakes.
#include <chorus/algorithm/record.hpp>
#include <chorus/chorus.hpp>
#include <chorus/schedule/print.hpp>
#include <chorus/verify/verify.hpp>

#include <iostream>
#include <vector>

using chorus::record_sink, chorus::slice_list, chorus::mod;

void judge(char const* name, chorus::choice const& how) {
    std::vector<chorus::schedule> all;
    for (int rank = 0; rank < 3; ++rank)
        all.push_back(chorus::record({.rank = rank, .ranks = 3, .in_place = true}, how.custom, how));
    auto const found = chorus::verify(all);
    std::cout << "--- " << name << ": " << (found.correct ? "right" : "wrong") << "\n" << found.explanation << "\n";
    if (found.correct) {
        std::cout << found.cost.rounds << " rounds, determinism level " << found.determinism_level << "\n\n";
    } else {
        chorus::print::drawing_options options;
        options.mark = {found.faulty_rank, found.faulty_step, "the faulty step"};
        std::cout << chorus::print::space_time_text(all, options) << "\n";
    }
}

int main() {
    using enum chorus::collective;

    judge("a ring", chorus::custom_choice<all_reduce>([](record_sink& sink, slice_list const& data) {
              auto const rank = sink.rank(), size = sink.size(), next = mod(rank + 1, size), prev = mod(rank - 1, size);
              for (int step = 0; step < size - 1; ++step) {
                  sink.send(next, data.part(rank - step, size));
                  sink.recv_reduce(prev, data.part(rank - step - 1, size));
              }
              for (int step = 0; step < size - 1; ++step) {
                  sink.send(next, data.part(rank + 1 - step, size));
                  sink.recv(prev, data.part(rank - step, size));
              }
          }));

    judge("a ring that goes on folding",
          chorus::custom_choice<all_reduce>([](record_sink& sink, slice_list const& data) {
              auto const rank = sink.rank(), size = sink.size(), next = mod(rank + 1, size), prev = mod(rank - 1, size);
              for (int step = 0; step < 2 * (size - 1); ++step) { // a step too simple: the second round must replace
                  sink.send(next, data.part(rank - step, size));
                  sink.recv_reduce(prev, data.part(rank - step - 1, size));
              }
          }));

    judge("a ring that nobody begins", chorus::custom_choice<all_reduce>([](record_sink& sink, slice_list const& data) {
              sink.recv_reduce(mod(sink.rank() - 1, sink.size()), data); // everybody waits for the left neighbour
              sink.send(mod(sink.rank() + 1, sink.size()), data);
          }));
}
