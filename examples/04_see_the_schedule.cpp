// An algorithm is recorded before it runs: a schedule, which can be looked at. Here the ring and the tree as space-time
// diagrams: ranks are columns, time runs down. `build/bin/chorus show` draws the same, also as SVG.
#include <chorus/chorus.hpp>
#include <chorus/schedule/print.hpp>

#include <iostream>
#include <vector>

/// The schedules of all ranks for one all_reduce.
std::vector<chorus::schedule> record_all(chorus::choice const& how, int ranks) {
    auto const entries = chorus::entries_of(chorus::collective::all_reduce);
    auto const* const entry = chorus::find(entries, how.name);
    std::vector<chorus::schedule> all;
    for (int rank = 0; rank < ranks; ++rank) {
        chorus::call_shape const shape{.what = entry->what, .rank = rank, .ranks = ranks, .in_place = true};
        all.push_back(chorus::record(shape, entry->record, how));
    }
    return all;
}

int main() {
    std::cout << chorus::print::space_time_text(record_all(chorus::ring{}, 4)) << "\n";
    std::cout << chorus::print::space_time_text(record_all(chorus::tree{}, 6)) << "\n";
    std::cout << chorus::print::table(std::vector{record_all(chorus::ring{}, 3)[1]});
}
