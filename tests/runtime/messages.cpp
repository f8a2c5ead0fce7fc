/// Messages of a rank to itself.

#include "support/ranks.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/chorus.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

using numbers = std::vector<int>;

void exchange_with_oneself(communicator& comm) {
    auto const self = comm.rank();
    numbers first{1, 2, 3}, second{4, 5}, none;
    send(comm, first, self); // sends first, in order
    send(comm, second, self);
    send(comm, none, self);
    first = {0, 0, 0};
    second = {0, 0};
    recv(comm, first, self);
    recv(comm, second, self);
    recv(comm, none, self);
    require(first == numbers{1, 2, 3} && second == numbers{4, 5});

    numbers a(2), b(1), c(1); // receives first, in order
    auto into_a = async_recv(comm, a, self), into_b = async_recv(comm, b, self);
    require(!into_a.test() && !into_b.test());
    auto told = 0;
    into_b.on_completion([&] { ++told; });
    send(comm, numbers{6, 7}, self);
    require(into_a.test() && !into_b.test() && told == 0);
    async_send(comm, first.size() == 3 ? std::span(first).first(1) : std::span(first), self).wait();
    require(told == 1);
    into_b.wait();
    require(a == numbers{6, 7} && b == numbers{1});

    auto other = comm.dup(); // communicators are kept apart
    send(other, numbers{8}, self);
    send(comm, numbers{9}, self);
    recv(comm, c, self);
    require(c[0] == 9);
    recv(other, c, self);
    require(c[0] == 8);
    std::vector<request> many;
    for (auto& each : a) many.push_back(async_recv(comm, std::span(&each, 1), self));
    for (int const value : {10, 11}) send(comm, std::span(&value, 1), self);
    for (auto& each : many) each.wait();
    require(a == numbers{10, 11});
    all_reduce(comm, a); // and everything else goes on
    require(a == numbers{10 * comm.size(), 11 * comm.size()});
}

} // namespace

TEST_CASE("a rank sends to itself and receives from itself, in order, before and after", "[runtime/messages]") {
    for (int const p : {1, 3}) {
        auto const all = outcomes(p, patient(), exchange_with_oneself);
        INFO(texts(all));
        for (auto const& each : all) CHECK(each.kind.empty());
        CHECK(thrown_by_processes(p, patient(), exchange_with_oneself) == "");
    }
}

TEST_CASE("a message to oneself that does not match its receive is told, whichever comes first", "[runtime/messages]") {
    auto const send_first = outcomes(1, patient(), [](communicator& comm) {
        send(comm, numbers{1, 2}, 0);
        numbers data(3);
        recv(comm, data, 0);
    })[0];
    CHECK(send_first.kind == "usage");
    CHECK(send_first.has("calls do not match: rank 0 sends itself send_recv of 2 int32 and receives send_recv of 3 int32"));
    auto const receive_first = outcomes(1, patient(), [](communicator& comm) {
        std::vector<float> data(2);
        auto const pending = async_recv(comm, data, 0);
        send(comm, numbers{1, 2}, 0);
    })[0];
    CHECK(receive_first.kind == "usage");
    CHECK(receive_first.has("sends itself send_recv of 2 int32 and receives send_recv of 2 float32"));
}

TEST_CASE("a rank that receives from itself what it never sends gives up at its deadline", "[runtime/messages]") {
    auto const ended = outcomes(1, impatient(), [](communicator& comm) {
        numbers data(1);
        recv(comm, data, 0);
    })[0];
    CHECK(ended.kind == "timeout");
}

TEST_CASE("a given-up receive from oneself takes no message", "[runtime/messages]") {
    auto const all = outcomes(1, impatient(), [](communicator& comm) {
        numbers gone(1), data(1);
        { auto const forgotten = async_recv(comm, gone, 0); } // waits, and fails the context
        require(outcome_of([&] { send(comm, numbers{5}, 0); }).kind == "timeout");
        auto again = comm.shrink();
        send(again, numbers{5}, 0);
        recv(again, data, 0);
        require(gone[0] == 0 && data[0] == 5);
    });
    INFO(texts(all));
    CHECK(all[0].kind.empty());
}
