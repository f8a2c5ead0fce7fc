// An algorithm is recorded before it runs: as a schedule, which can be looked at. Here the ring and the tree as
// space-time diagrams: ranks are columns, time runs down. `build/bin/chorus show` draws the same, also as SVG.
#include <chorus/algorithm/catalogue.hpp>
#include <chorus/algorithm/record.hpp>
#include <chorus/chorus.hpp>
#include <chorus/schedule/print.hpp>

#include <iostream>
#include <vector>

/// The schedules of all ranks for one all_reduce in place.
std::vector<chorus::schedule> record_all(chorus::choice const& how, int ranks) {
    auto const* const entry = chorus::find(chorus::entries_of(chorus::collective::all_reduce), how.name);
    std::vector<chorus::schedule> all;
    for (int rank = 0; rank < ranks; ++rank) {
        chorus::call_shape const shape{.what = entry->what, .rank = rank, .ranks = ranks, .in_place = true};
        all.push_back(chorus::record(shape, entry->record, how));
    }
    return all;
}

int main() {
    std::cout << chorus::print::space_time_text(record_all(chorus::ring{}, 4)) << "\n";

    auto const tree = record_all(chorus::tree{}, 6);
    std::cout << chorus::print::space_time_text(tree) << "\n";

    // A schedule is plain data: steps, their slices, and which earlier steps each must wait for.
    std::cout << "rank 4 of the tree in words:\n";
    for (std::size_t i = 0; i < tree[4].steps.size(); ++i) {
        std::cout << "  " << i << ": " << chorus::print::describe(tree[4], tree[4].steps[i]);
        for (auto const before : tree[4].predecessors[i]) std::cout << ", after " << before;
        std::cout << "\n";
    }
}
