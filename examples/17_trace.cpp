// Tracing: what every rank did, step by step, as a file that Perfetto (ui.perfetto.dev) shows, and counters for each peer.
#include <chorus/chorus.hpp>
#include <chorus/runtime/trace.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main() {
    chorus::options how;
    how.wrap = chorus::traced; // without this line nothing is noted, and nothing is paid for

    auto const* const folder = std::getenv("TMPDIR");
    auto const file = std::string(folder != nullptr ? folder : "/tmp") + "/chorus_trace.json";

    chorus::run_threads(4, how, [&](chorus::communicator& comm) {
        std::vector<float> data(1'000'000, 1.0f);
        chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{});
        chorus::all_reduce(comm, data, chorus::maximum{}, chorus::tree{});

        auto const& seen = chorus::trace_of(comm);
        for (int peer = 0; comm.rank() == 0 && peer < comm.size(); ++peer)
            std::printf("rank 0 and %d: %llu messages and %llu bytes sent, %llu and %llu received\n", peer,
                        static_cast<unsigned long long>(seen.with(peer).messages_sent), static_cast<unsigned long long>(seen.with(peer).bytes_sent),
                        static_cast<unsigned long long>(seen.with(peer).messages_received), static_cast<unsigned long long>(seen.with(peer).bytes_received));
        chorus::write_trace(comm, file); // all ranks, one file
    });
    std::printf("written\n"); // open it in ui.perfetto.dev
    std::remove(file.c_str()); // an example leaves nothing behind: take this line out to look at it
}
