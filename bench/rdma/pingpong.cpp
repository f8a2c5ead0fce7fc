/// Messages between two ranks over verbs, in the terms of perftest: half a round trip as ib_send_lat has it, and one way as fast as it
/// goes, as ib_write_bw. `scripts/rdma-lab -- build/bin/pingpong_verbs`.
///
///     pingpong_verbs [BYTES...]     one line of JSON for each size: bytes, half_us (lower quartile, median), MBps (10^6 bytes)
#include <chorus/chorus.hpp>
#include <chorus/transport/verbs.hpp>

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using seconds = std::chrono::duration<double>;

struct figures {
    double quartile = 0, median = 0, rate = 0;
};

/// Rank 0 has the figures.
figures measure(chorus::communicator& comm, std::size_t bytes) {
    auto const mine = chorus::allocate<std::byte>(comm, bytes);
    auto const rounds = bytes <= 65536 ? 2000 : 100;
    std::vector<double> halves;
    for (int i = 0; i < rounds; ++i) {
        auto const start = chorus::clock::now();
        if (comm.rank() == 0) {
            chorus::send(comm, mine, 1);
            chorus::recv(comm, mine, 1);
        } else {
            chorus::recv(comm, mine, 0);
            chorus::send(comm, mine, 0);
        }
        halves.push_back(seconds(chorus::clock::now() - start).count() / 2);
    }
    std::sort(halves.begin(), halves.end());
    figures found{halves[halves.size() / 4], halves[halves.size() / 2], 0};
    chorus::barrier(comm);
    auto const start = chorus::clock::now();
    constexpr int window = 8; // messages on their way
    std::vector<chorus::request> flying;
    for (int i = 0; i < rounds; ++i) {
        if (flying.size() == window) {
            flying.front().wait();
            flying.erase(flying.begin());
        }
        flying.push_back(comm.rank() == 0 ? chorus::async_send(comm, mine, 1) : chorus::async_recv(comm, mine, 0));
    }
    for (auto& each : flying) each.wait();
    chorus::barrier(comm);
    found.rate = static_cast<double>(bytes) * rounds / seconds(chorus::clock::now() - start).count();
    return found;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::size_t> sizes;
    for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
    if (sizes.empty()) sizes = {8, 512, 4000, 65536, 1048576};
    std::string meeting = (std::filesystem::temp_directory_path() / "chorus-XXXXXX").string();
    if (::mkdtemp(meeting.data()) == nullptr) return 3;
    try {
        chorus::run_processes(2, [&](chorus::communicator& processes) {
            chorus::file_store over(meeting);
            auto comm = chorus::join_verbs(over, processes.rank(), 2);
            for (auto const bytes : sizes) {
                auto const found = measure(comm, bytes);
                if (comm.rank() == 0)
                    std::printf("{\"bytes\": %zu, \"quartile_us\": %.2f, \"median_us\": %.2f, \"MBps\": %.1f}\n", bytes, 1e6 * found.quartile,
                                1e6 * found.median, 1e-6 * found.rate);
            }
            std::fflush(stdout);
        });
    } catch (std::exception const& e) {
        std::fprintf(stderr, "%s\n", e.what());
        std::filesystem::remove_all(meeting);
        return 3;
    }
    std::filesystem::remove_all(meeting);
}
