/// Wrong use meets one clear error before anything moves.

#include "support/elements.hpp"
#include "support/ranks.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

constexpr int value = 5;
using numbers = std::vector<std::size_t>;

/// Buffers of 12 elements, and whether anything was written.
struct memory {
    std::vector<int> a = std::vector<int>(12, value), b = std::vector<int>(12, value);
    bool untouched() const { return a == std::vector<int>(12, value) && b == std::vector<int>(12, value); }
};

struct mistake {
    char const* words; ///< what the message must say
    std::function<void(communicator&, memory&)> call;
};

/// All three ranks make the mistake: each gets the usage_error, nothing is written, and the communicator still works.
void expect_refusal(mistake const& wrong) {
    CAPTURE(wrong.words);
    std::vector<std::string> problems(3);
    auto const all = outcomes(3, patient(), [&](communicator& comm) {
        memory buffers;
        auto const got = outcome_of([&] { wrong.call(comm, buffers); });
        auto& problem = problems[static_cast<std::size_t>(comm.rank())];
        if (got.kind != "usage")
            problem = "threw: [" + got.kind + "] " + got.text;
        else if (!got.has(wrong.words))
            problem = "says: " + got.text;
        else if (!buffers.untouched())
            problem = "something was written";
        std::vector<int> ones{1};
        all_reduce(comm, ones);
        if (ones[0] != 3) problem = "the communicator does not work any more";
    });
    INFO(texts(all));
    for (auto const& each : all) CHECK(each.kind == "");
    for (auto const& problem : problems) CHECK(problem == "");
}

} // namespace

TEST_CASE("wrong sizes are refused", "[runtime/misuse]") {
    auto const first = [](std::vector<int>& data, std::size_t n) { return std::span(data).first(n); };
    std::vector<mistake> const mistakes{
        {"all_reduce: the output has 11 elements, 12 are needed",
         [&](auto& comm, auto& m) { all_reduce(comm, m.a, first(m.b, 11)); }},
        {"reduce: the output has 11 elements, 12 are needed",
         [&](auto& comm, auto& m) { reduce(comm, m.a, first(m.b, 11), std::plus<>{}, comm.rank()); }},
        {"scan: the output has 3 elements", [&](auto& comm, auto& m) { scan(comm, m.a, first(m.b, 3)); }},
        {"reduce_scatter: the input has 12 elements, 15 are needed",
         [&](auto& comm, auto& m) { reduce_scatter(comm, m.a, first(m.b, 5)); }},
        {"reduce_scatter: the buffer has 11 elements, 9 are needed",
         [&](auto& comm, auto& m) { reduce_scatter(comm, first(m.a, 11)); }},
        {"all_gather: the output has 12 elements, 15 are needed",
         [&](auto& comm, auto& m) { all_gather(comm, first(m.a, 5), m.b); }},
        {"all_gather: the buffer has 10 elements", [&](auto& comm, auto& m) { all_gather(comm, first(m.b, 10)); }},
        {"gather: the output has 12 elements, 15 are needed",
         [&](auto& comm, auto& m) { gather(comm, first(m.a, 5), m.b, comm.rank()); }},
        {"scatter: the input has 12 elements, 15 are needed",
         [&](auto& comm, auto& m) { scatter(comm, m.a, first(m.b, 5), comm.rank()); }},
        {"all_to_all: the input has 11 elements, 9 are needed",
         [&](auto& comm, auto& m) { all_to_all(comm, first(m.a, 11), first(m.b, 11)); }},
        {"all_to_all: the output has 9 elements, 12 are needed",
         [&](auto& comm, auto& m) { all_to_all(comm, m.a, first(m.b, 9)); }},
        {"all_gather: 2 counts for 3 ranks",
         [&](auto& comm, auto& m) {
             all_gather_v(comm, first(m.a, 4), m.b, numbers{4, 8});
         }},
        {"all_gather: 1 displacements for 3 ranks",
         [&](auto& comm, auto& m) {
             numbers const counts(3, 4), at{0};
             all_gather_v(comm, first(m.a, 4), m.b, ragged(counts, at));
         }},
        {"all_gather: block 2 does not lie inside the output",
         [&](auto& comm, auto& m) {
             numbers const counts(3, 4), at{0, 4, 9};
             all_gather_v(comm, first(m.a, 4), m.b, ragged(counts, at));
         }},
        {"all_gather: block 1 does not lie inside the output",
         [&](auto& comm, auto& m) {
             numbers const counts(3, 4), at{0, ~std::size_t{0} - 1, 8};
             all_gather_v(comm, first(m.a, 4), m.b, ragged(counts, at));
         }},
        {"all_gather: the counts up to that of rank 2 are more than there can be",
         [&](auto& comm, auto& m) { // modulo 2^64 they add up to 12
             constexpr auto half = ~(~std::size_t{0} >> 1);
             all_gather_v(comm, first(m.a, 4), m.b, numbers{half, half - 2, 14});
         }},
        {"reduce_scatter: the output has 3 elements, 4 are needed",
         [&](auto& comm, auto& m) { reduce_scatter_v(comm, m.a, first(m.b, 3), numbers(3, 4)); }},
        {"all_to_all: the block to itself has",
         [&](auto& comm, auto& m) {
             numbers to(3, 4), from(3, 4);
             to[static_cast<std::size_t>(comm.rank())] = 3;
             all_to_all_v(comm, first(m.a, 11), to, m.b, from);
         }},
    };
    for (auto const& each : mistakes) expect_refusal(each);
    expect_refusal({"all_gather: the output has 12 elements, 13 are needed", [&](auto& comm, auto& m) {
                        numbers const counts{4, 4, 5};
                        all_gather_v(comm, first(m.a, counts[static_cast<std::size_t>(comm.rank())]), m.b, counts);
                    }});
    expect_refusal({"all_gather: the input has 3 elements, 4 are needed",
                    [&](auto& comm, auto& m) { all_gather_v(comm, first(m.a, 3), m.b, numbers(3, 4)); }});
}

TEST_CASE("roots and peers that do not exist are refused", "[runtime/misuse]") {
    for (int const root : {-1, 3}) {
        auto const words = "the root is " + std::to_string(root) + ", but ranks go from 0 to 2";
        expect_refusal({words.c_str(), [=](auto& comm, auto& m) { broadcast(comm, m.a, root); }});
        expect_refusal({words.c_str(), [=](auto& comm, auto& m) { reduce(comm, m.a, std::plus<>{}, root); }});
        expect_refusal({words.c_str(), [=](auto& comm, auto& m) { gather(comm, m.a, m.b, root); }});
        expect_refusal({words.c_str(), [=](auto& comm, auto& m) { scatter(comm, m.a, m.b, root); }});
        expect_refusal({words.c_str(), [=](auto& comm, auto& m) { gather_v(comm, m.a, m.b, numbers(3, 12), root); }});
        expect_refusal({words.c_str(), [=](auto& comm, auto& m) { scatter_v(comm, m.a, numbers(3, 4), m.b, root); }});
        expect_refusal({"cannot exchange messages with rank", [=](auto& comm, auto& m) { send(comm, m.a, root); }});
    }
}

TEST_CASE("buffers and blocks that overlap are refused", "[runtime/misuse]") {
    auto const part = [](std::vector<int>& data, std::size_t at, std::size_t n) {
        return std::span(data).subspan(at, n);
    };
    char const* const words = "input and output overlap";
    expect_refusal({words, [&](auto& comm, auto& m) { all_reduce(comm, m.a, m.a); }});
    expect_refusal({words, [&](auto& comm, auto& m) { all_reduce(comm, part(m.a, 0, 6), part(m.a, 5, 6)); }});
    expect_refusal({words, [&](auto& comm, auto& m) { scan(comm, part(m.a, 5, 6), part(m.a, 0, 6)); }});
    expect_refusal({words, [&](auto& comm, auto& m) { all_gather(comm, part(m.a, 3, 4), m.a); }});
    expect_refusal({words, [&](auto& comm, auto& m) { reduce_scatter(comm, m.a, part(m.a, 0, 4)); }});
    expect_refusal({words, [&](auto& comm, auto& m) { all_to_all(comm, part(m.a, 0, 9), part(m.a, 3, 9)); }});
    expect_refusal({words, [&](auto& comm, auto& m) { gather(comm, part(m.a, 0, 4), m.a, comm.rank()); }});
    expect_refusal({words, [&](auto& comm, auto& m) { scatter(comm, m.a, part(m.a, 0, 4), comm.rank()); }});
    expect_refusal({words, [&](auto& comm, auto& m) {
                        reduce(comm, part(m.a, 0, 6), part(m.a, 3, 6), std::plus<>{}, comm.rank());
                    }});
    expect_refusal({"blocks 0 and 1 of the output overlap", [&](auto& comm, auto& m) {
                        numbers const counts(3, 3), at{0, 2, 6};
                        all_gather_v(comm, part(m.a, 0, 3), m.b, ragged(counts, at));
                    }});
    expect_refusal({"blocks 2 and 0 of the output overlap", [&](auto& comm, auto& m) { // in descending order
                        numbers const counts(3, 3), at{8, 1, 6};
                        all_to_all_v(comm, part(m.a, 0, 9), numbers(3, 3), m.b, ragged(counts, at));
                    }});
}

TEST_CASE("groupings that omit or repeat ranks are refused", "[runtime/misuse]") {
    expect_refusal(
        {"rank 2 is omitted", [](auto& comm, auto& m) { all_reduce(comm, m.a, std::plus<>{}, hierarchical({2})); }});
    expect_refusal({"the grouping is of 4 ranks, but there are 3", [](auto& comm, auto& m) {
                        all_reduce(comm, m.a, std::plus<>{}, hierarchical({2, 2}));
                    }});
    expect_refusal({"a group needs at least one rank, not 0", [](auto& comm, auto& m) {
                        all_reduce(comm, m.a, std::plus<>{}, hierarchical({3, 0}));
                    }});
    expect_refusal({"the grouping omits rank 1", [](auto& comm, auto& m) {
                        all_to_all(comm, m.a, m.b, hierarchical::by_group({0, -1, 0}));
                    }});
    expect_refusal({"no algorithm 'rong'", [](auto& comm, auto& m) {
                        choice wrong;
                        wrong.name = "rong";
                        all_gather(comm, m.a, hierarchical({2, 1}, wrong));
                    }});
    expect_refusal({"subgroup names rank 1 twice", [](auto& comm, auto&) { comm.subgroup(std::array{1, 0, 1}); }});
    expect_refusal({"subgroup names rank 3 of 3", [](auto& comm, auto&) { comm.subgroup(std::array{0, 3}); }});
}

TEST_CASE("algorithms that cannot serve the call are refused", "[runtime/misuse]") {
    auto const named = [](char const* name) {
        choice how;
        how.name = name;
        return how;
    };
    auto const words =
        "it reorders operands, and the operator is not known to be commutative (see chorus::commutative)";
    expect_refusal({words, [=](auto& comm, auto& m) {
                        all_reduce(
                            comm, m.a, [](int x, int y) { return x - y; }, named("ring"));
                    }});
    expect_refusal({words, [=](auto& comm, auto& m) {
                        reduce_scatter(
                            comm, m.a, [](int x, int y) { return x - y; }, named("circulant"));
                    }});
    expect_refusal(
        {"the catalogue has", [=](auto& comm, auto& m) { all_reduce(comm, m.a, std::plus<>{}, named("rong")); }});
    expect_refusal({"radix", [](auto& comm, auto& m) { all_to_all(comm, m.a, m.b, bruck{1}); }});
    expect_refusal({"the transport threads has no collectives of its own",
                    [](auto& comm, auto& m) { all_reduce(comm, m.a, std::plus<>{}, native{}); }});
}

TEST_CASE("a persistent collective that runs cannot be started", "[runtime/misuse]") {
    auto const all = outcomes(2, patient(), [](communicator& comm) {
        std::vector<int> data(5000, 1);
        auto twice = persistent_all_reduce(comm, data);
        twice.start();
        auto const got = outcome_of([&] { twice.start(); });
        twice.wait();
        if (got.kind != "usage" || !got.has("was not waited for"))
            throw std::runtime_error("[" + got.kind + "] " + got.text);
        persistent_request empty;
        if (!outcome_of([&] { empty.start(); }).has("empty persistent collective"))
            throw std::runtime_error("empty ones start");
        barrier(comm);
    });
    INFO(texts(all));
    CHECK(all[0].kind == "");
    CHECK(all[1].kind == "");
}

// ---- calls that differ between ranks

namespace {

struct difference {
    char const* rank_0; ///< what the message must say of rank 0's call, and of the others'
    char const* others;
    std::function<void(communicator&, memory&)> zeroth, other;
};

std::vector<difference> differences() {
    auto const sum = [](communicator& comm, memory& m) { all_reduce(comm, m.a, std::plus<>{}, ring{}); };
    auto const same = "(root, algorithm, counts, operator or the order in a bucket differ)";
    return {
        {"rank 0 calls all_reduce of 12 int32 with plus", "calls broadcast of 12 int32", sum,
         [](auto& comm, auto& m) { broadcast(comm, m.a, 1); }},
        {"calls all_reduce of 12 int32 with plus", "calls all_reduce of 11 int32 with plus", sum,
         [](auto& comm, auto& m) { all_reduce(comm, std::span(m.a).first(11), std::plus<>{}, ring{}); }},
        {"calls all_reduce of 12 int32 with plus", "calls all_reduce of 12 int32 with max", sum,
         [](auto& comm, auto& m) { all_reduce(comm, m.a, maximum{}, ring{}); }},
        {"calls all_reduce of 12 int32 with plus", "calls all_reduce of 12 float32 with plus", sum,
         [](auto& comm, auto&) {
             std::vector<float> data(12, 1);
             all_reduce(comm, data, std::plus<>{}, ring{});
         }},
        {"calls all_reduce of 12 int32 with plus", same, sum,
         [](auto& comm, auto& m) { all_reduce(comm, m.a, std::plus<>{}, tree{}); }},
        {"calls reduce of 12 int32 with plus", same,
         [](auto& comm, auto& m) { reduce(comm, m.a, m.b, std::plus<>{}, 0); },
         [](auto& comm, auto& m) { reduce(comm, m.a, m.b, std::plus<>{}, 1); }},
        {"calls gather of 4 int32", same,
         [](auto& comm, auto& m) { gather(comm, std::span(m.a).first(4), m.b, 0, direct{}); },
         [](auto& comm, auto& m) { gather(comm, std::span(m.a).first(4), m.b, 2, direct{}); }},
        {"calls barrier", "calls all_gather of 4 int32", [](auto& comm, auto&) { barrier(comm); },
         [](auto& comm, auto& m) { all_gather(comm, std::span(m.a).first(4), m.b); }},
        {"calls all_gather of int32", same,
         [](auto& comm, auto& m) {
             all_gather_v(comm, std::span(m.a).first(4), m.b, numbers{4, 4, 4}, ring{});
         },
         [](auto& comm, auto& m) {
             numbers const counts{4, 3, 5};
             all_gather_v(comm, std::span(m.a).first(counts[static_cast<std::size_t>(comm.rank())]), m.b, counts,
                          ring{});
         }},
    };
}

} // namespace

TEST_CASE("checked mode refuses calls that differ before anything moves", "[runtime/mismatch]") {
    for (auto const& each : differences()) {
        CAPTURE(each.rank_0, each.others);
        std::vector<std::string> problems(3);
        auto const all = outcomes(3, patient(true), [&](communicator& comm) {
            memory buffers;
            auto const got = outcome_of([&] { (comm.rank() == 0 ? each.zeroth : each.other)(comm, buffers); });
            auto& problem = problems[static_cast<std::size_t>(comm.rank())];
            if (got.kind != "usage" || !got.has("calls do not match"))
                problem = "[" + got.kind + "] " + got.text;
            else if (!got.has(each.rank_0) || !got.has(each.others))
                problem = "says: " + got.text;
            else if (!buffers.untouched())
                problem = "something was written";
            barrier(comm); // all have been told, so that all can go on
        });
        INFO(texts(all));
        for (auto const& one : all) CHECK(one.kind == "");
        for (auto const& problem : problems) CHECK(problem == "");
    }
}

TEST_CASE("checked mode tells lambdas of one function apart, between threads and between processes", "[runtime/mismatch]") {
    auto const differ = [](communicator& comm) {
        std::vector<int> data(3, comm.rank() + 2);
        if (comm.rank() == 0) all_reduce(comm, data, [](int a, int b) { return a + b; });
        else all_reduce(comm, data, [](int a, int b) { return a > b ? a : b; });
    };
    auto const all = outcomes(2, patient(true), differ);
    INFO(texts(all));
    for (auto const& one : all) CHECK(one.has("calls do not match"));
    CHECK(thrown_by_processes(2, patient(true), differ).find("calls do not match") != std::string::npos);
}

TEST_CASE("calls that differ are told apart by their messages", "[runtime/mismatch]") {
    for (auto const& each : differences()) {
        CAPTURE(each.rank_0, each.others);
        auto const all = outcomes(3, patient(), [&](communicator& comm) {
            memory buffers;
            (comm.rank() == 0 ? each.zeroth : each.other)(comm, buffers);
            barrier(comm, dissemination{});
        });
        INFO(texts(all));
        auto named = 0;
        for (auto const& one : all) {
            if (one.kind == "usage") {
                CHECK(one.has("calls do not match"));
                named += one.has("rank 0 calls") ? 1 : 0;
            } else {
                CHECK(one.kind == "transport");
                CHECK(one.has("calls do not match")); // it was told so by the one who found out
            }
        }
        CHECK(named > 0);
    }
}

TEST_CASE("a rank that is behind with another call is told apart from one that is late", "[runtime/mismatch]") {
    // Rank 0 waits for rank 2 and sends to rank 1, which waits for nobody and has gone on when it finds out.
    auto const begin = std::chrono::steady_clock::now();
    auto const all = outcomes(3, patient(), [](communicator& comm) {
        std::vector<int> data(12, 1);
        if (comm.rank() == 0) all_reduce(comm, data, std::plus<>{}, ring{});
        else broadcast(comm, data, 1, direct{});
        for (int i = 0; i < 3; ++i) barrier(comm);
    });
    INFO(texts(all));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
    for (auto const& one : all) CHECK(one.has("calls do not match"));
    CHECK(std::any_of(all.begin(), all.end(), [](auto const& one) { return one.has("calls broadcast of 12 int32") && one.has("calls all_reduce of 12 int32 with plus"); }));
}

TEST_CASE("messages of unequal length or type do not match", "[runtime/mismatch]") {
    auto const all = outcomes(2, patient(), [](communicator& comm) {
        std::vector<int> data(10 + static_cast<std::size_t>(comm.rank()), 1);
        if (comm.rank() == 0)
            send(comm, data, 1);
        else
            recv(comm, data, 0);
        barrier(comm);
    });
    INFO(texts(all));
    CHECK(all[1].kind == "usage");
    CHECK(all[1].has("rank 1 calls send_recv of 11 int32, rank 0 calls send_recv of 10 int32"));
}

TEST_CASE("counts of all_to_all_v that do not agree are named", "[runtime/mismatch]") {
    for (auto const& how : {choice(direct{}), choice(ring{}), choice(tree{})}) {
        std::vector<int> written;
        auto const all = outcomes(3, patient(), [&](communicator& comm) {
            std::vector<int> out(9, 1), in(9, value);
            numbers to(3, 3), from(3, 3);
            if (comm.rank() == 1) from = {2, 3, 3}; // rank 0 sends 3
            auto const room = std::span(in).first(comm.rank() == 1 ? 8 : 9);
            try {
                all_to_all_v(comm, out, to, room, from, how);
            } catch (...) {
                if (comm.rank() == 1 && !how.automatic()) written.assign(in.begin(), in.end());
                throw;
            }
            barrier(comm);
        });
        INFO(texts(all));
        CAPTURE(to_string(how));
        CHECK(all[1].kind == "usage");
        if (how.name == "direct")
            CHECK(all[1].has("rank 0 sends 12 bytes where 8 are expected"));
        else {
            CHECK(all[1].has("rank 0 sends 3 elements where 2 are expected"));
            CHECK(written == std::vector<int>(9, value));
        }
        CHECK(written.back() == value);
    }
}

TEST_CASE("two threads in one context at the same time are a usage error on both, and told to the peers", "[runtime/misuse]") {
    outcome intruder;
    auto const all = outcomes(2, patient(), [&](communicator& comm) {
        auto other = comm.dup();
        std::vector<int> data(3, 1);
        if (comm.rank() == 1) { // sends nothing before it hears of it
            recv(comm, data, 0);
            return;
        }
        auto const second = std::make_shared<std::thread>([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            std::vector<int> more(3, 1);
            intruder = outcome_of([&] { all_reduce(other, more); });
        });
        auto const mine = outcome_of([&] { recv(comm, data, 1); });
        second->join();
        require(mine.kind == "usage" && mine.has("two threads"));
        comm.progress();
    });
    INFO(texts(all));
    CHECK(intruder.kind == "usage");
    CHECK(intruder.has("rank 0: two threads are in calls of one context at the same time"));
    CHECK(all[0].kind == "usage");
    CHECK(all[1].has("two threads"));
}

TEST_CASE("a request that ends on another thread meanwhile does not end the program", "[runtime/misuse]") {
    auto const all = outcomes(2, patient(), [&](communicator& comm) {
        std::vector<int> data(3, 1), more(3, 1);
        if (comm.rank() == 1) {
            recv(comm, data, 0);
            return;
        }
        auto pending = async_recv(comm, more, 1);
        std::thread second([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            pending = {};
        });
        auto const mine = outcome_of([&] { recv(comm, data, 1); });
        second.join();
        require(mine.has("two threads"));
    });
    INFO(texts(all));
    CHECK(all[0].kind.empty());
}

TEST_CASE("threads may take turns in a context", "[runtime/misuse]") {
    auto const all = outcomes(2, patient(), [&](communicator& comm) {
        for (int round = 0; round < 20; ++round) {
            std::thread([&] { barrier(comm); }).join();
            barrier(comm);
        }
    });
    INFO(texts(all));
    for (auto const& one : all) CHECK(one.kind == "");
}
