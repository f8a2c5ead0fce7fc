// Ranks: the same function runs several times side by side, and every run knows its number. Here each rank is a thread.
#include <chorus/chorus.hpp>

#include <cstdio>
#include <vector>

int main() {
    chorus::run_threads(4, [](chorus::communicator& comm) {
        // Ranks run at the same time. To print in order, one speaks and the others wait: a barrier is left by no rank
        // before all have entered it.
        for (int turn = 0; turn < comm.size(); ++turn) {
            if (turn == comm.rank()) std::printf("hello from rank %d of %d\n", comm.rank(), comm.size());
            chorus::barrier(comm);
        }

        // More often one rank collects what the others have, and prints.
        std::vector<int> const mine{comm.rank() * comm.rank()};
        std::vector<int> all(4);
        chorus::gather(comm, mine, all); // to rank 0; the others' `all` stays as it is
        if (comm.rank() == 0) std::printf("squares: %d %d %d %d\n", all[0], all[1], all[2], all[3]);
    });
}
