/// Jobs in which MPI itself would wait for ever, or in which a rank is late: the argument says how. Each must end by
/// itself, with a report or without a complaint (tests/CMakeLists.txt).

#include <chorus/chorus.hpp>
#include <chorus/transport/mpi.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
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

/// Of two messages of one call, which differ by a byte, the first is still on its way when the second has come: its
/// sender is late.
int send_late(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    {
        std::vector<std::byte> longer((8 << 20) + 1), shorter(longer.size() - 1);
        chorus::mpi_transport over(MPI_COMM_WORLD);
        chorus::exchange const call{0, 1, 4711, 0};
        chorus::piece const first{longer.data(), longer.size()}, second{shorter.data(), shorter.size()};
        std::optional<chorus::transport_failure> failure;
        std::array<chorus::completion, 2> done;
        auto const finish = [&](std::size_t missing) {
            while (missing > 0 && !(failure = over.failure())) missing -= over.poll(done);
        };
        over.enter(call);
        if (over.rank() == 0) {
            std::size_t missing = 0;
            for (auto const& each : {first, second}) missing += !over.post_send(1, call, std::span(&each, 1), 0);
            std::this_thread::sleep_for(500ms);
            finish(missing);
        } else {
            for (auto const& each : {first, second}) over.post_recv(0, call, std::span(&each, 1), 0), finish(1);
            std::puts(failure ? failure->text.c_str() : "in time");
        }
    }
    MPI_Finalize();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    std::string_view const how = argc == 2 ? argv[1] : "";
    if (how == "late-end") return end_late(argc, argv);
    if (how == "late-sender") return send_late(argc, argv);
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
