// expect only: chorus: an asynchronous or persistent call would use this temporary after its end
#include <chorus/runtime/collectives/gathers.hpp>

#include <array>
#include <span>
#include <vector>

void gather_often(chorus::communicator& comm, std::span<int> all) {
    auto const repeated = chorus::persistent_all_gather(comm, std::array{1, 2, 3}, all);
}
