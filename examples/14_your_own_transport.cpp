// A transport of one's own is one class, here the one in post_transport.hpp: with it all collectives and all algorithms
// run, asynchronously too, and mismatched calls are found. docs/transports.md walks through it.
#include "post_transport.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/context.hpp>

#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

/// Runs f on as many threads as the office has ranks. What chorus::run_threads does for the transport of the library.
template <class F>
void run_by_post(post_office& office, F f) {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < office.ranks; ++rank)
        threads.emplace_back([&office, f, rank] {
            auto transport = chorus::any_transport::own(std::make_unique<post_transport>(office, rank));
            chorus::communicator comm(std::make_shared<chorus::context>(std::move(transport), chorus::options{}));
            f(comm);
        });
}

int main() {
    post_office office;
    office.ranks = 5;
    run_by_post(office, [](chorus::communicator& comm) {
        std::vector<int> sum(1000, comm.rank());
        auto adding = chorus::async_all_reduce(comm, sum, std::plus<>{}, chorus::ring{});

        std::vector<int> outgoing, incoming(5);
        for (int other = 0; other < 5; ++other) outgoing.push_back(10 * comm.rank() + other);
        chorus::all_to_all(comm, outgoing, incoming, chorus::bruck{.radix = 3});

        adding.wait();
        if (comm.rank() == 3) std::printf("0 + 1 + 2 + 3 + 4 = %d\n", sum[999]);
        chorus::barrier(comm);
        if (comm.rank() == 3)
            std::printf("rank 3 got %d %d %d %d %d\n", incoming[0], incoming[1], incoming[2], incoming[3], incoming[4]);
    });

    post_office another;
    another.ranks = 2;
    run_by_post(another, [](chorus::communicator& comm) {
        std::vector<int> data(comm.rank() == 0 ? 10 : 11);
        try {
            chorus::all_reduce(comm, data);
        } catch (chorus::error const& e) {
            if (comm.rank() == 0) std::printf("%s\n", e.what());
        }
    });
}
