// The same program on threads and on MPI: what differs is the line that makes the communicator.
//
//     mpirun -n 4 build/bin/examples/06_swap_the_transport
#include <chorus/chorus.hpp>
#include <chorus/transport/mpi.hpp>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

/// Knows nothing of transports: pi by the midpoint rule, every rank takes its share of a million strips.
double pi(chorus::communicator& comm) {
    constexpr int strips = 1'000'000;
    std::vector<double> sum{0.0};
    for (int i = comm.rank(); i < strips; i += comm.size()) {
        auto const x = (i + 0.5) / strips;
        sum[0] += 4.0 / (1.0 + x * x) / strips;
    }
    chorus::all_reduce(comm, sum);
    return sum[0];
}

int main(int argc, char** argv) {
    chorus::mpi_session mpi(argc, argv); // a program that owns MPI says chorus::attach(MPI_COMM_WORLD) instead
    auto world = mpi.world();            // ranks are the processes of mpirun
    auto const over_mpi = pi(world);
    if (world.rank() != 0) return 0;
    std::printf("%d processes: pi = %.12f\n", world.size(), over_mpi);

    chorus::run_threads(4, [&](chorus::communicator& threads) { // ranks are threads of this process
        auto const over_threads = pi(threads);
        if (threads.rank() == 0)
            std::printf("%d threads:   pi = %.12f, off by less than 1e-12: %s\n", threads.size(), over_threads,
                        std::abs(over_threads - std::numbers::pi) < 1e-12 ? "yes" : "no");
    });
}
