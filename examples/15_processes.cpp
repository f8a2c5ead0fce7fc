// Ranks as processes of this machine, and memory that they read from each other.
#include <chorus/chorus.hpp>
#include <chorus/runtime/context.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <vector>

int main() {
    // Each rank is a process of its own, forked from this one.
    chorus::run_processes(4, [](chorus::communicator& comm) {
        std::vector<float> mine(100'000, float(comm.rank()));
        chorus::all_reduce(comm, mine); // private memory: copied through memory that the ranks share
        if (comm.rank() == 0) std::printf("private  %g\n", mine.back());

        auto shared = chorus::allocate<float>(comm, 100'000); // zeros, which peers read where they lie
        for (auto& each : shared) each = float(comm.rank());
        chorus::all_reduce(comm, shared);
        if (comm.rank() == 0) std::printf("shared   %g\n", shared[99'999]);

        // The transport tells which way its messages went.
        auto const paths = comm.shared_context()->transport().paths();
        auto const went = [&](chorus::transport_path path) { return paths[path].bytes > 0 ? "yes" : "no"; };
        if (comm.rank() == 0)
            std::printf("copied: %s, direct: %s\n", went(chorus::transport_path::copied), went(chorus::transport_path::direct));
    });

    // A process can die. The others learn of it at once, and can go on without it.
    try {
        chorus::run_processes(4, [](chorus::communicator& comm) {
            std::vector<int> one(1, 1);
            if (comm.rank() == 2) std::raise(SIGKILL);
            try {
                for (;;) chorus::all_reduce(comm, one, chorus::maximum{});
            } catch (chorus::transport_error const& e) {
                auto rest = comm.shrink();
                one[0] = 1;
                chorus::all_reduce(rest, one);
                if (rest.rank() == 0) std::printf("%d of 4 go on\n", one[0]);
            }
        });
    } catch (std::exception const& e) {
        std::printf("%s\n", e.what());
    }
}
