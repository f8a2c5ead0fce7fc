// Is an algorithm right? `verify` runs its schedule with symbols in place of numbers: for every count and every value at
// once. If something is wrong, it says what, where and why.
#include <chorus/chorus.hpp>
#include <chorus/schedule/print.hpp>
#include <chorus/verify/verify.hpp>

#include <iostream>
#include <vector>

using chorus::slice_list;

/// What the page in include/chorus/algorithm/all_reduce/ring.hpp says, with a mistake or without.
template <int Mistake>
struct my_ring {
    void operator()(chorus::record_sink& sink, slice_list const& data) const {
        auto const rank = sink.rank(), size = sink.size();
        auto const next = chorus::mod(rank + 1, size), prev = chorus::mod(rank - 1, size);
        auto const part = [&](int i) { return data.part(chorus::mod(i, size), size); };
        for (int step = 0; step < size - 1; ++step) {
            sink.send(next, part(rank - step));
            sink.recv_reduce(prev, part(rank - step - 1));
        }
        for (int step = 0; step < size - 1; ++step) {
            auto const late = Mistake == 1 ? 0 : 1; // mistake 1: passes on a part that is not complete yet
            if (Mistake == 2) sink.recv(prev, part(rank - step)); // mistake 2: all ranks receive before they send
            sink.send(next, part(rank + late - step));
            if (Mistake != 2) sink.recv(prev, part(rank + late - 1 - step));
        }
    }
};

template <int Mistake>
void judge(char const* name) {
    auto const mine = chorus::custom_choice<chorus::collective::all_reduce>(my_ring<Mistake>{});
    std::vector<chorus::schedule> all;
    for (int rank = 0; rank < 3; ++rank)
        all.push_back(chorus::record({.rank = rank, .ranks = 3, .in_place = true}, mine.custom, mine));
    auto const found = chorus::verify(all);
    std::cout << "--- " << name << ": " << (found.correct ? "right" : "wrong") << "\n" << found.explanation;
    if (found.correct)
        std::cout << found.cost.rounds << " rounds, " << found.cost.sent << " vectors sent by a rank, determinism level "
                  << found.determinism_level << "\n";
    else
        std::cout << "\n" << chorus::print::space_time_text(all, {.mark = {found.faulty_rank, found.faulty_step}});
}

int main() {
    judge<0>("the ring");
    judge<1>("a ring that passes on too early");
    judge<2>("a ring in which everybody listens first");
}
