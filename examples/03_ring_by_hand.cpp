// The ring all-reduce with nothing but send and recv: 2 (p-1) steps, each rank talks to its two neighbours only.
#include <chorus/chorus.hpp>

#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

/// Sums `data` over all ranks, in place. Compare it with include/chorus/algorithm/all_reduce/ring.hpp.
void ring_by_hand(chorus::communicator& comm, std::span<int> data) {
    auto const rank = comm.rank(), size = comm.size();
    auto const next = chorus::mod(rank + 1, size), prev = chorus::mod(rank - 1, size);
    auto const part = [&](int i) { // one of `size` parts, as equal as can be
        auto const k = static_cast<std::size_t>(chorus::mod(i, size)), p = static_cast<std::size_t>(size);
        auto const begin = data.size() * k / p, end = data.size() * (k + 1) / p;
        return data.subspan(begin, end - begin);
    };

    // Everybody sends to the right and receives from the left. A send may wait until its receive is there, so that a
    // ring of ranks that all send first could wait for ever: the send is started, and finished after the receive.
    auto const exchange = [&](std::span<int> out, std::span<int> in) {
        auto sending = chorus::async_send(comm, out, next);
        chorus::recv(comm, in, prev);
        sending.wait();
    };

    for (int step = 0; step < size - 1; ++step) { // after it, part(rank - step - 1) here sums step + 2 ranks
        auto const mine = part(rank - step - 1);
        std::vector<int> arrived(mine.size());
        exchange(part(rank - step), arrived);
        for (std::size_t i = 0; i < mine.size(); ++i) mine[i] += arrived[i];
    }
    for (int step = 0; step < size - 1; ++step) // now part(rank + 1) is complete here: pass complete parts on
        exchange(part(rank + 1 - step), part(rank - step));
}

int main() {
    chorus::run_threads(4, [](chorus::communicator& comm) {
        std::vector<int> mine(10, comm.rank() + 1), same = mine;
        ring_by_hand(comm, mine);
        chorus::all_reduce(comm, same, std::plus<>{}, chorus::ring{});
        if (comm.rank() != 0) return;
        std::printf("by hand: ");
        for (auto const x : mine) std::printf(" %d", x);
        std::printf("\n%s what chorus::ring computes\n", mine == same ? "equals" : "differs from");
    });
}
