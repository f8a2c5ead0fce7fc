// Exercise 2. Ranks stand in a ring, and everybody passes a vector to the right. It works for ten numbers and hangs for
// a hundred thousand. Why? Repair it.
//
//     cmake --build build --target exercise_2_deadlock
//     build/bin/examples/exercises/exercise_2_deadlock
#include "check.hpp"

std::vector<int> pass_to_the_right(chorus::communicator& comm, std::vector<int> const& mine) {
    auto const right = (comm.rank() + 1) % comm.size(), left = (comm.rank() + comm.size() - 1) % comm.size();
    std::vector<int> arrived(mine.size());
    // Your turn: a send may wait until its receive has begun.
    chorus::send(comm, mine, right);
    chorus::recv(comm, arrived, left);
    return arrived;
}

int main() {
    auto right = true;
    for (std::size_t count : {10u, 100'000u})
        right = right && exercise::runs(4, [&](chorus::communicator& comm) {
                    auto const arrived = pass_to_the_right(comm, std::vector<int>(count, comm.rank()));
                    if (arrived != std::vector<int>(count, (comm.rank() + 3) % 4))
                        throw chorus::error("not what the left neighbour sent");
                });
    return exercise::verdict(right);
}
