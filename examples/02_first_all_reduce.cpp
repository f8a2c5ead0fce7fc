// all_reduce: every rank has a vector, and every rank gets their sum, or whatever else the operator makes of them.
#include <chorus/chorus.hpp>

#include <cstdio>
#include <functional>
#include <numeric>
#include <vector>

/// Which rank has the smallest value? Any trivially copyable struct can travel.
struct best {
    double value;
    int rank;
};

int main() {
    chorus::run_threads(4, [](chorus::communicator& comm) {
        auto const speaks = comm.rank() == 0;

        std::vector<double> data{1.0, 10.0 * comm.rank(), 0.5};
        chorus::all_reduce(comm, data); // in place; without an operator it sums
        if (speaks) std::printf("sum      %g %g %g\n", data[0], data[1], data[2]);

        std::vector<double> const input{1.0 * comm.rank(), 10.0 - comm.rank()};
        std::vector<double> output(2);
        chorus::all_reduce(comm, input, output, chorus::maximum{}); // from one buffer to another
        if (speaks) std::printf("maximum  %g %g\n", output[0], output[1]);

        chorus::all_reduce(comm, input, output, chorus::average{});
        if (speaks) std::printf("average  %g %g\n", output[0], output[1]);

        // Any callable is an operator. It must be associative; say so if it is commutative too, and more algorithms
        // are open to it.
        auto const gcd = chorus::commutative([](int a, int b) { return std::gcd(a, b); });
        std::vector<int> number{12 * (comm.rank() + 1)};
        chorus::all_reduce(comm, number, gcd);
        if (speaks) std::printf("gcd      %d\n", number[0]);

        auto const smaller = [](best a, best b) { return b.value < a.value ? b : a; };
        std::vector<best> candidate{{(comm.rank() - 2.0) * (comm.rank() - 2.0), comm.rank()}};
        chorus::all_reduce(comm, candidate, smaller);
        if (speaks) std::printf("smallest %g, at rank %d\n", candidate[0].value, candidate[0].rank);

        // The last argument names an algorithm; without it the library chooses.
        chorus::all_reduce(comm, data, std::plus<>{}, chorus::ring{});
        chorus::all_reduce(comm, data, std::plus<>{}, chorus::tree{});
        if (speaks) std::printf("again    %g %g %g\n", data[0], data[1], data[2]);
    });
}
