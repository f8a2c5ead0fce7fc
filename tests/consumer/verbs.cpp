// A program over verbs. Where there is no RDMA device it says so, which is as good here.
#include <chorus/chorus.hpp>
#include <chorus/transport/verbs.hpp>

#include <iostream>
#include <vector>

int main() try {
    chorus::verbs_session verbs; // started by hand: one rank
    auto comm = verbs.world();
    std::vector<int> data(3, 7);
    chorus::all_reduce(comm, data);
    std::cout << data[2] << '\n';
    return data[2] == 7 ? 0 : 1;
} catch (chorus::transport_error const& e) {
    std::cout << e.what() << '\n';
    return std::string_view(e.what()).starts_with("chorus: ") ? 0 : 1;
}
