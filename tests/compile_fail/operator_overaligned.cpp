// expect: chorus: elements that are reduced must not be aligned to more than 4096 bytes
#include <chorus/runtime/collectives/reductions.hpp>

struct alignas(8192) page {
    double value;
    page operator+(page const& other) const { return {value + other.value}; }
};

void sum_of_pages(chorus::communicator& comm, std::vector<page>& data) { chorus::all_reduce(comm, data); }
