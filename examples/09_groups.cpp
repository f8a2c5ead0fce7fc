// Groups: communicators of some of the ranks, and algorithms that work on two levels, say inside a machine and between
// machines.
#include <chorus/chorus.hpp>

#include <cstdio>
#include <vector>

int main() {
    chorus::run_threads(6, [](chorus::communicator& comm) {
        // split: ranks of the same colour get a communicator of their own. Here 0 1 | 2 3 4 5.
        auto group = comm.split(comm.rank() < 2 ? 0 : 1);
        std::vector<int> sum{comm.rank()};
        chorus::all_reduce(group, sum);

        std::vector<int> const mine{comm.rank(), group.rank(), group.size(), sum[0]};
        std::vector<int> all(4 * 6);
        chorus::gather(comm, mine, all);
        for (std::size_t i = 0; comm.rank() == 0 && i < all.size(); i += 4)
            std::printf("rank %d is rank %d of %d in its group, whose sum is %d\n", all[i], all[i + 1], all[i + 2],
                        all[i + 3]);

        // subgroup: these ranks in this order. The others get a communicator that is not valid.
        std::vector<int> const leaders{0, 2};
        auto between = comm.subgroup(leaders);
        if (between.valid()) {
            chorus::all_reduce(between, sum);
            if (between.rank() == 0) std::printf("sum over the groups: %d\n", sum[0]);
        }

        // That was a hierarchical all_reduce by hand, but for the way back. The library has it for any groups, with any
        // algorithm inside them and any between them, which may be hierarchical itself. Without groups it takes the
        // hosts that the transport reports: chorus::hierarchical{}.
        std::vector<int> data{comm.rank(), 100 * comm.rank()};
        auto const two_levels = chorus::hierarchical{{2, 4}, chorus::binomial{}, chorus::ring{}};
        chorus::all_reduce(comm, data, std::plus<>{}, two_levels);
        if (comm.rank() == 0) std::printf("hierarchical: %d %d\n", data[0], data[1]);

        // Equal groups: each member carries its part to the other groups, all links between them are used at once.
        auto const by_number =
            chorus::hierarchical::by_group({0, 1, 2, 0, 1, 2}, chorus::direct{}, chorus::circulant{});
        std::vector<int> numbers(6);
        chorus::all_gather(comm, std::vector{comm.rank()}, numbers, by_number);
        if (comm.rank() == 0)
            std::printf("gathered: %d %d %d ... %d\n", numbers[0], numbers[1], numbers[2], numbers[5]);
    });
}
