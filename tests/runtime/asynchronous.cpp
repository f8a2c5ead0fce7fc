/// What happens while a rank does something else: completion callbacks, the progress thread, coroutines, buckets, traces.

#include "support/ranks.hpp"
#include "support/shm_ranks.hpp"

#include <chorus/chorus.hpp>
#include <chorus/runtime/coroutine.hpp>
#include <chorus/runtime/fusion.hpp>
#include <chorus/runtime/progress_thread.hpp>
#include <chorus/runtime/trace.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

void check_fine(std::vector<outcome> const& ends) {
    INFO(texts(ends));
    for (auto const& each : ends) CHECK(each.kind.empty());
}

/// Waits without any Chorus call; false after 20 s.
template <class F>
bool becomes(F what) {
    for (auto const until = clock::now() + std::chrono::seconds(20); clock::now() < until;) {
        if (what()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

routine three_steps(communicator& comm, std::vector<int>& a, std::vector<int>& all, std::vector<std::string>& log) {
    co_await async_all_reduce(comm, a);
    log.push_back("reduced");
    co_await async_all_gather(comm, a, all);
    log.push_back("gathered");
    co_await async_barrier(comm);
}

} // namespace

TEST_CASE("temporaries that own nothing may be passed to asynchronous and persistent calls", "[runtime/asynchronous]") {
    check_fine(outcomes(2, patient(), [](communicator& comm) {
        std::vector<int> data(6, 1), all(8);
        async_all_reduce(comm, std::span(data)).wait();
        async_all_reduce(comm, std::span(data).subspan(1)).wait();
        auto repeated = persistent_all_gather(comm, std::span(data).first(4), std::span(all));
        repeated.start();
        repeated.wait();
        require(all == std::vector<int>{2, 4, 4, 4, 2, 4, 4, 4});
    }));
}

TEST_CASE("a completion callback is called once, when the collective is done", "[runtime/asynchronous]") {
    check_fine(outcomes(3, patient(), [](communicator& comm) {
        std::vector<int> a(5000, 1), b(7, 1);
        int told = 0, chained = 0;
        auto first = async_all_reduce(comm, a);
        request second;
        first.on_completion([&] {
            require(a[0] == 3);
            ++told;
            second = async_all_reduce(comm, b); // a callback may start something
            second.on_completion([&] { ++chained; });
        });
        require(outcome_of([&] { first.on_completion([] {}); }).has("completion callback already") == (told == 0));
        first.wait();
        require(told == 1);
        second.wait();
        require(chained == 1);
        require(b[6] == 3);
        request none;
        none.on_completion([&] { ++told; });
        require(told == 2);
    }));
}

TEST_CASE("a callback is called where the collective fails, too", "[runtime/asynchronous]") {
    auto const ends = outcomes(3, patient(), [](communicator& comm) {
        if (comm.rank() == 2) throw std::runtime_error("goes away");
        std::vector<int> a(50000, 1);
        std::atomic<int> told = 0;
        auto later = async_all_reduce(comm, a);
        later.on_completion([&] { ++told; });
        auto const end = outcome_of([&] { later.wait(); });
        require(end.kind == "transport");
        require(told == 1);
    });
    CHECK(ends[0].text + ends[1].text + ends[2].text == "goes away");
}

TEST_CASE("a callback that throws fails the context", "[runtime/asynchronous]") {
    auto const ends = outcomes(2, patient(), [](communicator& comm) {
        std::vector<int> a(50000, 1);
        auto later = async_all_reduce(comm, a);
        if (comm.rank() == 0) later.on_completion([] { throw std::runtime_error("callback"); });
        later.wait();
        barrier(comm);
    });
    CHECK(ends[0].text == "callback");
    CHECK(ends[1].kind == "transport");
}

TEST_CASE("with a progress thread a collective ends without any further call", "[runtime/asynchronous]") {
    auto const scenario = [](communicator& comm) {
        progress_thread helper(comm);
        std::vector<int> a(200'000, 1);
        for (int round = 0; round < 3; ++round) {
            std::atomic<bool> told = false;
            std::fill(a.begin(), a.end(), 1);
            auto later = async_all_reduce(comm, a);
            later.on_completion([&] { told = true; });
            if (!becomes([&] { return told.load(); })) throw std::runtime_error("nothing has advanced");
            later.wait();
            if (a[123'456] != 3) throw std::runtime_error("wrong sum");
        }
        for (int i = 0; i < 300; ++i) all_reduce(comm, std::span(a).first(8), maximum{}); // both threads at once
        auto again = persistent_all_reduce(comm, a, maximum{});
        for (int i = 0; i < 20; ++i) {
            again.start();
            again.wait();
        }
        barrier(comm);
    };
    check_fine(outcomes(3, patient(), scenario));
    for (auto const& wrong : run_shm_threads(3, patient(), scenario)) CHECK(wrong == "");
}

TEST_CASE("a failure that the progress thread meets is thrown at the rank's next call", "[runtime/asynchronous]") {
    auto const ends = outcomes(3, patient(), [](communicator& comm) {
        if (comm.rank() == 1) throw std::runtime_error("goes away");
        progress_thread helper(comm);
        std::vector<int> a(50000, 1);
        std::atomic<bool> told = false;
        auto later = async_all_reduce(comm, a);
        later.on_completion([&] { told = true; });
        require(becomes([&] { return told.load(); }));
        require(outcome_of([&] { barrier(comm); }).kind == "transport");
    });
    CHECK(ends[0].text + ends[1].text + ends[2].text == "goes away");
}

TEST_CASE("one progress thread per context", "[runtime/asynchronous]") {
    check_fine(outcomes(2, patient(), [](communicator& comm) {
        {
            progress_thread helper(comm);
            require(outcome_of([&] { progress_thread second(comm); }).has("has one already"));
        }
        progress_thread next(comm);
        barrier(comm);
    }));
}

TEST_CASE("coroutines wait for requests", "[runtime/asynchronous]") {
    auto const scenario = [](communicator& comm) {
        std::vector<int> a(3000, 1), all(9000), b(10, 2), more(30);
        std::vector<std::string> first, second;
        auto other = comm.dup();
        auto one = three_steps(comm, a, all, first), two = three_steps(other, b, more, second); // interleaved
        two.wait();
        one.wait();
        require(one.done());
        require(all == std::vector<int>(9000, 3));
        require(more == std::vector<int>(30, 6));
        require(first == std::vector<std::string>{"reduced", "gathered"});
    };
    check_fine(outcomes(3, patient(), scenario));
    check_fine(outcomes(3, patient(), [&](communicator& comm) {
        progress_thread helper(comm);
        scenario(comm);
    }));
}

TEST_CASE("a coroutine that nobody waits for is waited for at its end", "[runtime/asynchronous]") {
    check_fine(outcomes(3, patient(), [](communicator& comm) {
        std::vector<int> a(3000, 1), all(9000);
        std::vector<std::string> log;
        {
            auto const one = three_steps(comm, a, all, log);
        }
        require(log.size() == 2 && all[8999] == 3);
    }));
    auto const ends = outcomes(3, impatient(), [](communicator& comm) { // an exception takes it down, and the others are told
        std::vector<int> a(3000, 1), all(9000);
        std::vector<std::string> log;
        if (comm.rank() == 1) std::this_thread::sleep_for(std::chrono::seconds(1));
        auto const one = three_steps(comm, a, all, log);
        if (comm.rank() != 1) throw std::runtime_error("away");
    });
    CHECK(ends[0].text == "away");
    CHECK(ends[2].text == "away");
}

TEST_CASE("co_await throws what has failed", "[runtime/asynchronous]") {
    auto const ends = outcomes(3, patient(), [](communicator& comm) {
        if (comm.rank() == 2) throw std::runtime_error("goes away");
        std::vector<int> a(3000, 1), all(9000);
        std::vector<std::string> log;
        auto one = three_steps(comm, a, all, log);
        require(outcome_of([&] { one.wait(); }).kind == "transport");
        require(one.done());
    });
    CHECK(ends[0].text + ends[1].text + ends[2].text == "goes away");
}

TEST_CASE("a bucket fuses small reductions, in any mixture of lengths", "[runtime/asynchronous]") {
    check_fine(outcomes(3, patient(), [](communicator& comm) {
        reduction_bucket<long, maximum> bucket(comm, 100 * sizeof(long));
        require(outcome_of([&] { bucket.wait(); }).kind.empty()); // nothing to do
        for (int round = 0; round < 3; ++round) {
            std::vector<std::vector<long>> data;
            for (auto const length : std::vector<std::size_t>{3, 0, 40, 56, 1, 1, 100, 99, 250, 7})
                data.emplace_back(length, 10 * static_cast<long>(data.size()) + comm.rank());
            for (std::size_t i = 0; i < data.size(); ++i) {
                bucket.add(data[i]);
                if (i == 4) bucket.flush();
            }
            bucket.wait();
            for (std::size_t i = 0; i < data.size(); ++i) require(data[i] == std::vector<long>(data[i].size(), 10 * static_cast<long>(i) + 2));
        }
        // 3+0+40+56+1 | 1+99 | 7, and those of 100 and 250 alone
        require(bucket.collectives() == 3 * 5);
    }));
}

namespace {

/// Of three ranks the last one goes away. What was added to a bucket is freed when the failure has been seen: by the bucket, or in
/// another call; then the survivors go on with the same bucket.
void lose_a_rank(communicator& world, std::size_t length, bool seen_elsewhere, bool flushed) {
    auto comm = world.dup();
    reduction_bucket<float> bucket(comm, 1000 * sizeof(float));
    if (comm.rank() == 2) throw std::runtime_error("goes away");
    auto gradient = std::make_unique<std::vector<float>>(length, 1.0f);
    auto const first = outcome_of([&] {
        bucket.add(*gradient);
        if (flushed) bucket.flush();
        if (seen_elsewhere) barrier(comm);
        else bucket.wait();
    });
    require(first.kind == "transport");
    gradient.reset();
    if (seen_elsewhere) require(outcome_of([&] { bucket.wait(); }).kind == "transport");
    bucket.wait(); // is empty
    comm = comm.shrink();
    std::vector<float> other(10, 1.0f);
    bucket.add(other);
    bucket.wait();
    require(other[9] == 2.0f);
}

} // namespace

TEST_CASE("a failure leaves a bucket empty, and it goes on after shrink()", "[runtime/asynchronous]") {
    for (std::size_t const length : {10u, 999u, 1000u, 50000u})
        for (bool const seen_elsewhere : {false, true})
            for (bool const flushed : {false, true}) {
                CAPTURE(length, seen_elsewhere, flushed);
                auto const scenario = [&](communicator& world) { lose_a_rank(world, length, seen_elsewhere, flushed); };
                auto const ends = outcomes(3, patient(), scenario);
                INFO(texts(ends));
                CHECK(ends[0].text + ends[1].text == "");
                auto const wrong = run_shm_threads(3, patient(), scenario);
                CHECK(wrong[0] + wrong[1] == "");
            }
}

TEST_CASE("what was added to a bucket before shrink() is forgotten, and wait() says so", "[runtime/asynchronous]") {
    auto const ends = outcomes(3, patient(), [](communicator& world) {
        auto comm = world.dup();
        reduction_bucket<int> bucket(comm);
        auto lost = std::make_unique<std::vector<int>>(100, 1);
        bucket.add(*lost);
        if (comm.rank() == 2) throw std::runtime_error("goes away");
        require(outcome_of([&] { barrier(comm); }).kind == "transport");
        comm = comm.shrink();
        lost.reset();
        require(outcome_of([&] { bucket.wait(); }).has("before shrink()"));
        std::vector<int> other(10, 1);
        bucket.add(other);
        bucket.wait();
        require(other[9] == 2);
    });
    INFO(texts(ends));
    CHECK(ends[0].text + ends[1].text == "");
}

TEST_CASE("what was started before shrink() ends in an error and touches nothing", "[runtime/asynchronous]") {
    auto const ends = outcomes(3, patient(), [](communicator& comm) {
        if (comm.rank() == 2) throw std::runtime_error("goes away");
        auto data = std::make_unique<std::vector<int>>(50000, 1);
        auto later = async_all_reduce(comm, *data);
        std::vector<request> queued; // more than may be in flight
        for (int i = 0; i < 100; ++i) queued.push_back(async_all_reduce(comm, std::span(*data).first(0)));
        auto again = persistent_all_reduce(comm, *data);
        again.start();
        require(outcome_of([&] { barrier(comm); }).kind == "transport");
        auto rest = comm.shrink();
        data.reset();
        int told = 0;
        later.on_completion([&] { ++told; });
        require(told == 1);
        require(outcome_of([&] { later.wait(); }).has("before shrink()"));
        require(outcome_of([&] { again.wait(); }).has("before shrink()"));
        require(outcome_of([&] { again.start(); }).has("before shrink()"));
        barrier(rest);
    });
    INFO(texts(ends));
    CHECK(ends[0].text + ends[1].text == "");
}

TEST_CASE("a trace tells every message, and counts them by peer", "[runtime/asynchronous]") {
    auto how = patient();
    how.wrap = traced;
    auto const path = "trace_test.json";
    check_fine(outcomes(3, how, [&](communicator& comm) {
        std::vector<int> a(300, 1);
        barrier(comm);
        trace_of(comm).clear();
        all_reduce(comm, a, std::plus<>{}, ring{});
        require(a[299] == 3);
        auto const& seen = trace_of(comm);
        auto const next = (comm.rank() + 1) % 3, prev = (comm.rank() + 2) % 3;
        require(seen.with(next).messages_sent == 4); // 2 (p - 1), each a third
        require(seen.with(next).bytes_sent == 4 * 400);
        require(seen.with(prev).messages_received == 4);
        require(seen.with(prev).messages_sent == 0);
        int sends = 0, folds = 0;
        for (auto const& each : seen.events()) {
            require(each.begin <= each.end);
            if (each.what == trace_event::kind::send) require((each.peer == next && each.bytes == 400 && each.of.sequence == 2));
            sends += each.what == trace_event::kind::send;
            folds += each.what == trace_event::kind::receive_to_fold;
        }
        require(sends == 4);
        require(folds == 2);
        require(trace_of(comm).dropped() == 0);
        write_trace(comm, path);
    }));
    std::string text(1 << 16, ' ');
    auto* const from = std::fopen(path, "r");
    REQUIRE(from != nullptr);
    text.resize(std::fread(text.data(), 1, text.size(), from));
    std::fclose(from);
    std::remove(path);
    CHECK_THAT(text, Catch::StartsWith("{\"displayTimeUnit\"") && Catch::EndsWith("]}\n") && Catch::Contains("all_reduce of 300 int32 with plus") &&
                         Catch::Contains("\"name\":\"recv_reduce\"") && Catch::Contains("\"name\":\"rank 2\""));
    CHECK(std::count(text.begin(), text.end(), '{') == std::count(text.begin(), text.end(), '}'));
    check_fine(outcomes(2, patient(), [](communicator& comm) { require(outcome_of([&] { trace_of(comm); }).has("nothing is traced here")); }));
}
