// Ranks over RDMA: the same calls on queue pairs of libibverbs. The launcher says who is who, the device is found.
//
//     scripts/rdma-lab -- build/bin/chorus run -n 4 build/bin/examples/18_verbs     where there is no RDMA device
//     build/bin/chorus run -n 4 build/bin/examples/18_verbs                         where there is one
#include <chorus/chorus.hpp>
#include <chorus/transport/verbs.hpp>

#include <cstdio>
#include <vector>

int main() try {
    chorus::verbs_session verbs; // CHORUS_VERBS_DEVICE and others choose another device (docs/rdma.md)
    auto comm = verbs.world();

    std::vector<float> gradient(100'000, float(comm.rank() + 1));
    chorus::all_reduce(comm, gradient);
    if (comm.rank() == 0) std::printf("the sum of 1 to %d is %g\n", comm.size(), gradient.back());

    // Memory that the device knows: written there by the peers, without a copy and without registering it for each message.
    auto blocks = chorus::allocate<int>(comm, std::size_t(comm.size()) * 50'000);
    std::vector<int> mine(50'000, comm.rank() * comm.rank());
    chorus::all_gather(comm, mine, blocks);
    if (comm.rank() == 0)
        for (int rank = 0; rank < comm.size(); ++rank) std::printf("rank %d sent %d\n", rank, blocks[std::size_t(rank) * 50'000]);
} catch (chorus::error const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 3;
}
