// expect only: chorus: this collective has no algorithm of that name
#include <chorus/runtime/collectives/gathers.hpp>

void broadcast_by_ring(chorus::communicator& comm, std::vector<int>& data) {
    chorus::broadcast(comm, data, 0, chorus::ring{});
}
