// Sample sort: numbers are scattered over the ranks, and afterwards they lie there in order: all of rank 0 before all
// of rank 1, and so on. all_gather finds the borders, all_to_all tells how many come, all_to_all_v moves them.
#include <chorus/chorus.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

std::vector<std::uint32_t> sample_sort(chorus::communicator& comm, std::vector<std::uint32_t> data) {
    auto const ranks = static_cast<std::size_t>(comm.size());
    std::sort(data.begin(), data.end());

    // Everybody shows evenly spaced samples. Of all samples, evenly spaced ones are the borders between ranks.
    constexpr std::size_t each = 64;
    std::vector<std::uint32_t> samples(each), all(each * ranks), borders;
    for (std::size_t i = 0; i < each; ++i) samples[i] = data[i * data.size() / each];
    chorus::all_gather(comm, samples, all);
    std::sort(all.begin(), all.end());
    for (std::size_t r = 1; r < ranks; ++r) borders.push_back(all[r * each]);

    // What lies between two borders goes to one rank. How many, only the sender knows: so it tells.
    std::vector<std::size_t> to_each, from_each(ranks);
    auto begin = data.begin();
    for (std::size_t r = 0; r < ranks; ++r) {
        auto const end = r + 1 < ranks ? std::lower_bound(begin, data.end(), borders[r]) : data.end();
        to_each.push_back(static_cast<std::size_t>(end - begin));
        begin = end;
    }
    chorus::all_to_all(comm, to_each, from_each);

    std::vector<std::uint32_t> mine(std::accumulate(from_each.begin(), from_each.end(), std::size_t{0}));
    chorus::all_to_all_v(comm, data, to_each, mine, from_each);
    std::sort(mine.begin(), mine.end()); // merging the sorted pieces would be quicker
    return mine;
}

int main() {
    chorus::run_threads(4, [](chorus::communicator& comm) {
        std::mt19937 random(static_cast<unsigned>(comm.rank()) + 1);
        std::vector<std::uint32_t> data(50'000 * (static_cast<std::size_t>(comm.rank()) + 1)); // unequal shares, too
        for (auto& x : data) x = static_cast<std::uint32_t>(random());
        auto const sorted = sample_sort(comm, data);

        // Whole and in order? The first, the last, how many, and how many fewer than before.
        std::vector<long> const mine{sorted.front(), sorted.back(), long(sorted.size()), long(data.size())};
        std::vector<long> all(16);
        chorus::gather(comm, mine, all);
        if (comm.rank() != 0) return;
        for (std::size_t r = 0; r < 16; r += 4)
            std::printf("rank %zu: %10ld to %10ld, %ld numbers of %ld before\n", r / 4, all[r], all[r + 1], all[r + 2],
                        all[r + 3]);
    });
}
