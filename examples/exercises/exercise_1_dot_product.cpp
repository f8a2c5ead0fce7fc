// Exercise 1. Every rank has a part of two long vectors x and y. Compute their dot product: the sum over all ranks.
//
//     cmake --build build --target exercise_1_dot_product
//     build/bin/examples/exercises/exercise_1_dot_product
#include "check.hpp"

#include <numeric>

double dot(chorus::communicator& comm, std::vector<double> const& x, std::vector<double> const& y) {
    // Your turn: this is the product of one rank's parts only. Every rank must return that of all parts.
    static_cast<void>(comm);
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

int main() {
    auto right = true;
    for (int ranks = 1; ranks <= 5; ++ranks)
        right = right && exercise::runs(ranks, [](chorus::communicator& comm) {
                    std::vector<double> const x(100, comm.rank() + 1), y(100, 2);
                    auto const expected = 100.0 * comm.size() * (comm.size() + 1), got = dot(comm, x, y);
                    if (got != expected)
                        throw chorus::error("with " + std::to_string(comm.size()) + " ranks dot() returned " +
                                            std::to_string(got) + ", not " + std::to_string(expected));
                });
    return exercise::verdict(right);
}
