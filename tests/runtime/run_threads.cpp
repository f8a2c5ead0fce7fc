/// run_threads: whose exception arrives, and that the others are released from every kind of wait.

#include "support/ranks.hpp"
#include "support/sanitized.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

struct own_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace

TEST_CASE("the failing rank's own exception is nested in a rank_error", "[runtime/run_threads]") {
    try {
        run_threads(3, [](communicator& comm) {
            if (comm.rank() == 1) throw own_error("no more");
        });
        FAIL("nothing was thrown");
    } catch (rank_error const& e) {
        CHECK(e.rank() == 1);
        CHECK(std::string(e.what()) == "rank 1: no more");
        CHECK_THROWS_AS(std::rethrow_if_nested(e), own_error);
    }
    auto const unusual = outcome_of([] { run_threads(1, [](communicator&) { throw 7; }); });
    CHECK(unusual.text == "rank 0: an exception that is no std::exception");
}

TEST_CASE("the first failure wins over those that it causes", "[runtime/run_threads]") {
    for (int culprit = 0; culprit < 4; ++culprit) {
        auto const result = outcome_of([&] {
            run_threads(4, patient(), [&](communicator& comm) {
                if (comm.rank() == culprit) throw own_error("I am the cause");
                barrier(comm);
            });
        });
        CHECK(result.text == "rank " + std::to_string(culprit) + ": I am the cause");
    }
}

TEST_CASE("an exception on one rank releases the others from every kind of wait", "[runtime/run_threads][failure]") {
    using waiting = std::function<void(communicator&)>;
    std::vector<int> unused;
    auto const kinds = std::vector<std::pair<char const*, waiting>>{
        {"barrier", [](communicator& comm) { barrier(comm); }},
        {"all_reduce",
         [](communicator& comm) {
             std::vector<int> data(10'000, 1);
             all_reduce(comm, data);
         }},
        {"request",
         [](communicator& comm) {
             std::vector<int> data(10, 1);
             async_all_reduce(comm, data).wait();
         }},
        {"test",
         [](communicator& comm) {
             std::vector<int> data(10, 1);
             auto running = async_all_reduce(comm, data);
             while (!running.test()) std::this_thread::yield();
         }},
        {"progress",
         [](communicator& comm) {
             for (;;) comm.progress();
         }},
        {"destructor",
         [](communicator& comm) {
             std::vector<int> data(10, 1);
             { auto running = async_all_reduce(comm, data); }
             barrier(comm);
         }},
        {"persistent",
         [](communicator& comm) {
             std::vector<int> data(10, 1);
             auto running = persistent_all_reduce(comm, data);
             running.start();
             running.wait();
         }},
        {"recv",
         [](communicator& comm) {
             std::vector<int> data(10, 1);
             recv(comm, data, 0);
         }},
        {"large send",
         [](communicator& comm) {
             std::vector<int> data(10'000, 1);
             send(comm, data, 0);
         }},
        {"many sends",
         [](communicator& comm) {
             std::vector<int> data(1, 1);
             for (;;) send(comm, data, 0);
         }},
        {"split", [](communicator& comm) { comm.split(0); }},
        {"full window",
         [](communicator& comm) {
             std::vector<int> data(70);
             std::vector<request> running;
             for (auto& each : data) running.push_back(async_all_reduce(comm, std::span(&each, 1)));
             for (auto& each : running) each.wait();
         }},
    };
    for (auto const& [kind, wait] : kinds) {
        CAPTURE(kind);
        auto const all = outcomes(3, patient(), [&, &wait = wait](communicator& comm) {
            if (comm.rank() != 0) return wait(comm);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            throw own_error("gone");
        });
        INFO(texts(all));
        for (std::size_t r : {1u, 2u}) {
            CHECK(all[r].kind == "transport");
            CHECK(all[r].has("rank 0 gave up: gone"));
        }
    }
}

TEST_CASE("a rank's error names the rank once", "[runtime/run_threads][failure]") {
    auto const said = [](auto what) { return outcome_of([&] { run_threads(2, patient(), what); }).text; };
    CHECK(said([](communicator& comm) {
              std::vector<int> data(3), other(2);
              if (comm.rank() == 1) all_reduce(comm, data, other);
          }) == "rank 1: chorus: all_reduce: the output has 2 elements, 3 are needed");
    auto const left = said([](communicator& comm) {
        std::vector<int> data(3);
        if (comm.rank() == 0) recv(comm, data, 1);
    });
    CHECK(left.find("rank 0: send_recv (message), step 0, peer 1") == 0);
    CHECK(said([](communicator& comm) {
              if (comm.rank() == 1) throw std::runtime_error("rank 10: no rank of this job");
          }) == "rank 1: rank 10: no rank of this job");
}

TEST_CASE("a rank that returns while others need it has left", "[runtime/run_threads][failure]") {
    auto const all = outcomes(3, patient(), [](communicator& comm) {
        if (comm.rank() == 2) return;
        std::vector<int> data(1000, 1);
        all_reduce(comm, data, std::plus<>{}, ring{});
    });
    INFO(texts(all));
    CHECK(all[2].kind == "");
    CHECK(all[0].kind == "transport");
    CHECK(all[1].kind == "transport");
    CHECK((all[0].has("rank 2 has left") || all[1].has("rank 2 has left")));
}

TEST_CASE("an exception with requests in flight ends soon, whatever the others wait for",
          "[runtime/run_threads][failure]") {
    auto const start = std::chrono::steady_clock::now();
    auto const all = outcomes(2, patient(), [](communicator& a) {
        auto b = a.dup();
        std::vector<int> data(1000, 1), other(1000, 1);
        if (a.rank() == 0) {
            auto running = async_all_reduce(a, data);
            throw own_error("leaving early"); // while rank 1 waits on B and will never start on A
        }
        all_reduce(b, other);
        all_reduce(a, data);
    });
    INFO(texts(all));
    CHECK(all[0].text == "leaving early");
    CHECK(all[1].kind == "transport");
    CHECK(all[1].has("rank 0 gave up"));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("zero ranks are refused", "[runtime/run_threads][misuse]") {
    for (int const p : {0, -1}) {
        auto const result = outcome_of([&] { run_threads(p, [](communicator&) {}); });
        CHECK(result.kind == "usage");
        CHECK(result.has("at least one rank"));
    }
}

TEST_CASE("options that nothing can keep are refused before a rank starts", "[runtime/run_threads][misuse]") {
    auto const with = [](auto change) {
        options how;
        change(how);
        auto started = false;
        auto const result = outcome_of([&] { run_threads(1, how, [&](communicator&) { started = true; }); });
        return result.kind + (started ? " started " : " ") + result.text;
    };
    CHECK(with([](options& how) { how.timeout = std::chrono::milliseconds(0); }) == "usage chorus: options::timeout must be positive, not 0 ms");
    CHECK(with([](options& how) { how.timeout = std::chrono::milliseconds(-5); }) == "usage chorus: options::timeout must be positive, not -5 ms");
    CHECK(with([](options& how) { how.determinism = -17; }) == "usage chorus: options::determinism: levels are 1 to 4, not -17");
    CHECK(with([](options& how) { how.timeout = std::chrono::milliseconds::max(); }) == " started ");
}

TEST_CASE("the longest wait is no overflow", "[runtime/run_threads]") {
    options how;
    how.timeout = std::chrono::milliseconds::max();
    run_threads(2, how, [](communicator& comm) {
        std::vector<int> data(10, 1);
        if (comm.rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(30)); // rank 1 gets as far as its clock
        all_reduce(comm, data);
        require(data.front() == 2);
        auto running = async_all_reduce(comm, data);
        running.wait();
        require(data.front() == 4);
    });
}

TEST_CASE("a caught failure stays the failure of its context", "[runtime/run_threads][failure]") {
    std::vector<std::string> texts(2);
    auto const result = outcome_of([&] {
        run_threads(2, impatient(), [&](communicator& comm) {
            auto const mine = static_cast<std::size_t>(comm.rank());
            std::vector<int> data(8, 1);
            auto const first = outcome_of([&] {
                if (comm.rank() == 0) throw usage_error("x");
                recv(comm, data, 0);
            });
            if (comm.rank() == 0) return;
            auto const second = outcome_of([&] { all_reduce(comm, data); });
            auto const third = outcome_of([&] { auto other = comm.dup(); });
            texts[mine] = first.text == second.text && first.text == third.text ? first.text : "they differ";
        });
    });
    CHECK(result.text == ""); // everything was caught
    CHECK(texts[1].find("rank 0 has left") != std::string::npos);
}

TEST_CASE("a hundred rank threads of which all pairs talk need little memory for each pair", "[runtime/run_threads][memory]") {
    if (CHORUS_SANITIZED != 0) return; // whose own memory is larger
    constexpr int ranks = 100;
    auto const resident = [] {
        std::size_t total = 0, pages = 0;
        std::ifstream("/proc/self/statm") >> total >> pages;
        return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    };
    auto const before = resident();
    std::size_t during = 0;
    run_threads(ranks, patient(), [&](communicator& comm) {
        std::vector<int> data(3, 1);
        all_reduce(comm, data, std::plus<>{}, one_shot{});
        barrier(comm); // nobody has left yet
        if (comm.rank() == 0) during = resident();
        barrier(comm);
    });
    CHECK((during - std::min(before, during)) / (ranks * (ranks - 1)) < 10'000u);
}
