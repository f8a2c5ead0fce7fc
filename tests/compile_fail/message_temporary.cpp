// expect only: chorus: an asynchronous or persistent call would use this temporary after its end
#include <chorus/runtime/collectives/exchanges.hpp>

#include <vector>

void send_later(chorus::communicator& comm) { chorus::async_send(comm, std::vector<int>(3), 1).wait(); }
