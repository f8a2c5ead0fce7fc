// One rank, so that it needs no launcher.
#include <chorus/chorus.hpp>
#include <chorus/transport/mpi.hpp>

#include <functional>
#include <vector>

int main(int argc, char** argv) {
    chorus::mpi_session mpi(argc, argv);
    auto comm = mpi.world();
    std::vector<int> values(10, comm.rank() + 1);
    chorus::all_reduce(comm, values, std::plus<>{});
    return values == std::vector<int>(10, 1) ? 0 : 1;
}
