/// Jobs in which MPI itself would wait for ever, or in which a rank is late: the argument says how. Each must end by itself, with a
/// report or without a complaint (tests/CMakeLists.txt).

#include <chorus/chorus.hpp>
#include <chorus/transport/mpi.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// The last rank ends its communicator later than the others wait for it.
int end_late(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    auto last = false;
    {
        auto comm = chorus::attach(MPI_COMM_WORLD, {}, {.grace = 200ms});
        last = comm.rank() == comm.size() - 1;
        chorus::barrier(comm);
        if (last) std::this_thread::sleep_for(800ms);
    }
    MPI_Finalize();
    if (last) std::puts("in time");
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    std::string_view const how = argc == 2 ? argv[1] : "";
    if (how == "late-end") return end_late(argc, argv);
    auto const sleep = [] { std::this_thread::sleep_for(std::chrono::hours(1)); };
    try {
        chorus::options options;
        options.timeout = std::chrono::milliseconds(800);
        chorus::mpi_session mpi(argc, argv, options);
        auto comm = mpi.world();
        std::vector<int> data(100, 1);
        auto const last = comm.rank() == comm.size() - 1;
        if (how == "absent") { // from a collective of the MPI library
            if (last) sleep();
            chorus::all_reduce(comm, data, std::plus<>{}, chorus::native{});
        } else if (how == "mismatch") {
            if (last) chorus::all_reduce(comm, data, std::plus<>{}, chorus::native{});
            else chorus::barrier(comm, chorus::native{});
            chorus::all_gather(comm, data, std::vector<int>(data.size() * static_cast<std::size_t>(comm.size())), chorus::native{});
        } else if (how == "finalize") {
            if (last) sleep();
        } else if (how == "in-time") { // longer than the deadline in sum, each call within it
            for (int i = 0; i < 6; ++i) {
                if (last) std::this_thread::sleep_for(std::chrono::milliseconds(200));
                chorus::all_reduce(comm, data, std::plus<>{}, chorus::native{});
            }
            std::puts("in time");
        }
    } catch (std::exception const& e) {
        std::fprintf(stderr, "caught: %s\n", e.what());
        return 1;
    }
}
