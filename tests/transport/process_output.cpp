/// What ranks that are processes write to the standard output.

#include "support/shm_ranks.hpp"

#include <chorus/runtime/collectives/exchanges.hpp>

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// The lines, sorted, that f writes to the standard output of a process of its own.
std::vector<std::string> lines_of(std::function<void()> const& f) {
    std::cout << std::flush;
    auto const name = "process_output." + std::to_string(::getpid());
    auto* const file = std::fopen(name.c_str(), "w");
    auto const child = ::fork();
    if (child == 0) {
        ::dup2(::fileno(file), STDOUT_FILENO);
        f();
        std::cout << std::flush;
        std::fflush(stdout);
        ::_exit(0);
    }
    std::fclose(file);
    int status = -1;
    ::waitpid(child, &status, 0);
    std::vector<std::string> lines;
    std::ifstream in(name);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::remove(name.c_str());
    std::sort(lines.begin(), lines.end());
    if (status != 0) lines.push_back("status " + std::to_string(status));
    return lines;
}

constexpr int ranks = 3, count = 2'000;

std::vector<std::string> expected() {
    std::vector<std::string> lines{"after", "before"};
    for (int rank = 0; rank < ranks; ++rank)
        for (int i = 0; i < count; ++i) lines.push_back("rank " + std::to_string(rank) + ", line " + std::to_string(i));
    std::sort(lines.begin(), lines.end());
    return lines;
}

} // namespace

TEST_CASE("each line that a rank prints arrives once and whole, and nothing that was printed before is repeated",
          "[transport/shm/output]") {
    struct {
        char const* name;
        void (*leave)(communicator&);
    } const ways[] = {
        {"returns", [](communicator& comm) { barrier(comm); }},
        {"throws", [](communicator& comm) { comm.rank() == 1 ? throw std::runtime_error("no more") : barrier(comm); }},
        {"exits", [](communicator& comm) { comm.rank() == 1 ? std::exit(0) : barrier(comm); }}};
    for (bool const with_stdio : {true, false})
        for (auto const& way : ways) {
            CAPTURE(with_stdio, way.name);
            auto const got = lines_of([&] {
                std::ios_base::sync_with_stdio(with_stdio);
                std::cout << "before\n";
                thrown_by_processes(ranks, patient(), [&](communicator& comm) {
                    for (int i = 0; i < count; ++i) std::cout << "rank " << comm.rank() << ", line " << i << '\n';
                    way.leave(comm);
                });
                std::cout << "after\n";
            });
            CHECK(got.size() == expected().size());
            CHECK((got == expected()));
        }
}

TEST_CASE("what a rank prints without an end of line or with printf arrives as well", "[transport/shm/output]") {
    auto const got = lines_of([] {
        std::ios_base::sync_with_stdio(false);
        std::printf("before\n");
        thrown_by_processes(1, patient(), [](communicator&) {
            std::printf("printed\nend");
            std::cout << std::string(10'000, 'x') << '\n' << "by letters: ";
            for (char const each : {'a', 'b'}) std::cout.put(each);
            std::cout << std::flush << "\nrest\n";
        });
    });
    CHECK((got == std::vector<std::string>{"before", "by letters: ab", "end", "printed", "rest", std::string(10'000, 'x')}));
}
