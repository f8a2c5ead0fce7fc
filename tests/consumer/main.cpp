// The first program of the README, which checks its result.
#include <chorus/chorus.hpp>

#include <functional>
#include <vector>

int main() {
    chorus::run_threads(4, [](auto& comm) {
        std::vector<float> values(1000, static_cast<float>(comm.rank()));
        chorus::all_reduce(comm, values, std::plus<>{});
        if (values != std::vector<float>(1000, 6.0F)) throw 0;
    });
}
