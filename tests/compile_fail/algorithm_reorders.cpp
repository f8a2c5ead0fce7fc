// expect: chorus: this algorithm reorders operands, and the operator is not known to be commutative
#include <chorus/runtime/collectives/reductions.hpp>

void fold_by_ring(chorus::communicator& comm, std::vector<int>& data) {
    chorus::all_reduce(
        comm, data, [](int a, int b) { return 2 * a + b; }, chorus::ring{});
}
