/// Several collectives at the same time: on one communicator, on several, asynchronous beside blocking.

#include "support/ranks.hpp"
#include "support/seed.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

void require(bool holds, char const* what) {
    if (!holds) throw std::runtime_error(what);
}
int sum_of_ranks(int p) { return p * (p - 1) / 2; }

/// A sum that has been started, and its check.
struct pending {
    std::vector<int> data;
    request running;
    int expected;

    pending(communicator& comm, std::size_t n, int factor)
        : data(n, comm.rank() * factor),
          expected(sum_of_ranks(comm.size()) * factor) {
        running = async_all_reduce(comm, data);
    }
    void finish() {
        running.wait();
        for (auto const each : data) require(each == expected, "a sum in flight is wrong");
    }
};

} // namespace

TEST_CASE("many collectives in flight on one communicator finish in any order", "[runtime/in_flight]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    for (int const p : {1, 2, 3, 5})
        CHECK_NOTHROW(run_threads(p, patient(), [&](communicator& comm) {
            std::mt19937_64 random(seed + static_cast<std::uint64_t>(comm.rank())); // each rank waits in its own order
            std::vector<std::unique_ptr<pending>> all;
            for (int i = 0; i < 100; ++i)
                all.push_back(std::make_unique<pending>(comm, static_cast<std::size_t>(i % 7 == 0 ? 5000 : i), i));
            std::shuffle(all.begin(), all.end(), random);
            for (auto& each : all) each->finish();
        }));
}

TEST_CASE("asynchronous on one communicator and blocking on another, in both orders", "[runtime/in_flight]") {
    for (int const p : {2, 4})
        CHECK_NOTHROW(run_threads(p, patient(), [&](communicator& a) {
            auto b = a.dup();
            auto c = b.dup();
            for (int round = 0; round < 20; ++round) {
                std::vector<int> data(3000, a.rank());
                if (a.rank() % 2 == 0) {
                    pending on_b(b, 3000, 2);
                    all_reduce(a, data);
                    on_b.finish();
                    barrier(c);
                } else {
                    auto in_c = async_barrier(c);
                    pending on_b(b, 3000, 2);
                    on_b.finish();
                    all_reduce(a, data);
                    in_c.wait();
                }
                require(data[2999] == sum_of_ranks(p), "wrong sum on A");
            }
        }));
}

TEST_CASE("a rank that blocks on A drives what it has started on B", "[runtime/in_flight]") {
    CHECK_NOTHROW(run_threads(2, patient(), [](communicator& a) {
        auto b = a.dup();
        std::vector<int> large(100'000, a.rank());
        if (a.rank() == 0) {
            auto on_b = async_all_reduce(b, large); // large enough to need this rank again
            barrier(a);                             // rank 1 comes here only when B is done
            on_b.wait();
        } else {
            all_reduce(b, large);
            barrier(a);
        }
        require(large[99'999] == 1, "wrong sum on B");
    }));
}

TEST_CASE("mixed collectives on many communicators, by seed", "[runtime/in_flight]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    CHECK_NOTHROW(run_threads(5, patient(), [&](communicator& world) {
        std::mt19937_64 random(seed); // the same on all ranks: the same calls in the same order
        std::vector<communicator> comms;
        comms.push_back(world.dup());
        comms.push_back(world.split(world.rank() % 2, -world.rank()));
        comms.push_back(world.split(world.rank() / 2));
        std::vector<std::unique_ptr<pending>> open;
        for (int i = 0; i < 300; ++i) {
            auto& comm = comms[random() % comms.size()];
            auto const n = static_cast<std::size_t>(random() % 400);
            switch (random() % 4) {
            case 0:
                open.push_back(std::make_unique<pending>(comm, n, i));
                break;
            case 1: {
                std::vector<int> mine(n, comm.rank()), all(n * static_cast<std::size_t>(comm.size()));
                all_gather(comm, mine, all);
                for (std::size_t k = 0; k < all.size(); ++k) require(all[k] == static_cast<int>(k / n), "wrong block");
                break;
            }
            case 2:
                if (!open.empty()) {
                    open.front()->finish();
                    open.erase(open.begin());
                }
                break;
            default:
                barrier(comm);
            }
        }
        for (auto& each : open) each->finish();
    }));
}

TEST_CASE("a barrier lets nobody leave before all have entered", "[runtime/barrier]") {
    for (int const p : {1, 2, 3, 5, 8}) {
        std::atomic<int> entered = 0;
        CHECK_NOTHROW(run_threads(p, patient(), [&](communicator& comm) {
            for (int round = 1; round <= 50; ++round) {
                ++entered;
                barrier(comm);
                require(entered >= round * p, "a rank left the barrier early");
                barrier(comm);
            }
        }));
    }
}

TEST_CASE("test() and progress() advance without waiting", "[runtime/in_flight]") {
    CHECK_NOTHROW(run_threads(3, patient(), [](communicator& comm) {
        std::vector<int> data(50'000, 1), more(50'000, 1);
        auto first = async_all_reduce(comm, data);
        auto second = async_all_reduce(comm, more);
        while (!first.test()) std::this_thread::yield();
        require(!first.valid() && first.test(), "a finished request tests true");
        while (second.valid() && !second.test()) comm.progress();
        require(data[0] == 3 && more[49'999] == 3, "wrong sum");
        barrier(comm);
        require(!comm.progress(), "nothing is left to do");
    }));
}

TEST_CASE("messages arrive in order, beside collectives", "[runtime/messages]") {
    for (int const p : {2, 3, 4})
        CHECK_NOTHROW(run_threads(p, patient(), [&](communicator& comm) {
            auto const next = (comm.rank() + 1) % p, prev = (comm.rank() + p - 1) % p;
            std::vector<std::vector<int>> out, in;
            std::vector<request> running;
            for (std::size_t i = 0; i < 50; ++i) {
                out.emplace_back(i * i, comm.rank() * 1000 + static_cast<int>(i));
                in.emplace_back(i * i, -1);
            }
            for (std::size_t i = 0; i < 50; ++i) {
                running.push_back(async_recv(comm, in[i], prev));
                running.push_back(async_send(comm, out[i], next));
                if (i % 10 == 0) barrier(comm);
            }
            for (auto& each : running) each.wait();
            for (std::size_t i = 0; i < 50; ++i)
                require(std::all_of(in[i].begin(), in[i].end(),
                                    [&](int x) { return x == prev * 1000 + static_cast<int>(i); }),
                        "wrong message");
        }));
}

TEST_CASE("more unanswered receives than collectives may be in flight do not block collectives", "[runtime/messages]") {
    CHECK_NOTHROW(run_threads(2, patient(), [](communicator& comm) {
        std::vector<int> data(100, comm.rank());
        std::vector<request> running;
        if (comm.rank() == 0)
            for (auto& each : data) running.push_back(async_recv(comm, std::span(&each, 1), 1));
        for (int i = 0; i < 70; ++i) barrier(comm);
        if (comm.rank() == 1)
            for (auto& each : data) send(comm, std::span(&each, 1), 0);
        for (auto& each : running) each.wait();
        require(std::accumulate(data.begin(), data.end(), 0) == 100, "wrong data");
    }));
}

TEST_CASE("persistent collectives start again and again, interleaved", "[runtime/persistent]") {
    CHECK_NOTHROW(run_threads(4, patient(), [](communicator& comm) {
        std::vector<int> a(1000), b(3), in(4), out(4);
        auto sum = persistent_all_reduce(comm, a);
        auto largest = persistent_all_reduce(comm, b, maximum{});
        auto transpose = persistent_all_to_all(comm, in, out);
        require(sum.test(), "not started: nothing to wait for");
        for (int round = 0; round < 100; ++round) {
            std::fill(a.begin(), a.end(), comm.rank() + round);
            std::fill(b.begin(), b.end(), comm.rank() * round);
            for (std::size_t i = 0; i < 4; ++i) in[i] = comm.rank() * 10 + static_cast<int>(i) + round;
            sum.start();
            transpose.start();
            largest.start();
            largest.wait();
            while (!sum.test()) std::this_thread::yield();
            transpose.wait();
            require(a[999] == 6 + 4 * round && b[2] == 3 * round, "wrong fold");
            for (int i = 0; i < 4; ++i)
                require(out[static_cast<std::size_t>(i)] == i * 10 + comm.rank() + round, "wrong block");
        }
    }));
}

TEST_CASE("a stateful operator lives as long as its request", "[runtime/in_flight]") {
    CHECK_NOTHROW(run_threads(3, patient(), [](communicator& comm) {
        std::vector<int> data(2000, 1);
        auto again = [&] {
            auto const extra = comm.size() + 7;
            auto const add = commutative([extra](int x, int y) { return x + y + extra; });
            return persistent_all_reduce(comm, data, add);
        }();
        for (int round = 0; round < 3; ++round) {
            std::fill(data.begin(), data.end(), 1);
            again.start();
            again.wait();
            require(data[1999] == 23, "wrong fold");
        }
    }));
}

TEST_CASE("twenty ranks on few processors", "[runtime/in_flight]") {
    CHECK_NOTHROW(run_threads(20, patient(), [](communicator& comm) {
        std::vector<int> data(1000, comm.rank());
        for (int round = 0; round < 5; ++round) {
            std::fill(data.begin(), data.end(), comm.rank());
            all_reduce(comm, data, std::plus<>{}, choice(round % 2 == 0 ? choice(ring{}) : choice(tree{})));
            require(data[7] == sum_of_ranks(20), "wrong sum");
        }
    }));
}

TEST_CASE("a message that waits to be folded keeps its place while later ones overtake it", "[runtime/executor]") {
    // Rank 0 folds ten parts from rank 1. The first part must wait for rank 2, which comes late; nine others need not.
    auto const algorithm = [](auto& sink, slice_list const& data) {
        if (sink.rank() == 0) sink.recv(2, data.part(0, 24));
        for (int i = 0; i < 24; ++i) {
            if (sink.rank() == 0) sink.recv_reduce(1, data.part(i, 24));
            if (sink.rank() == 1) sink.send(0, data.part(i, 24));
        }
        if (sink.rank() == 2) sink.send(0, data.part(0, 24));
    };
    for (std::size_t const per_part : {1u, 50u, 500u}) {
        auto wrong = -1;
        CHECK_NOTHROW(run_threads(3, patient(), [&](communicator& comm) {
            std::vector<int> data(24 * per_part);
            for (std::size_t i = 0; i < data.size(); ++i)
                data[i] = (comm.rank() + 1) * 1000 + static_cast<int>(i / per_part);
            if (comm.rank() == 2) std::this_thread::sleep_for(std::chrono::milliseconds(30));
            all_reduce(comm, data, std::plus<>{}, algorithm);
            for (std::size_t i = 0; comm.rank() == 0 && i < data.size(); ++i) {
                auto const part = static_cast<int>(i / per_part);
                if (data[i] != (part == 0 ? 5000 : 3000) + 2 * part && wrong < 0) wrong = part;
            }
        }));
        CHECK(wrong == -1);
    }
}

namespace {

/// An all_to_all_v whose counts differ from pair to pair.
struct uneven {
    uneven(communicator const& comm, int number) : rank(comm.rank()), salt(number) {
        for (int other = 0; other < comm.size(); ++other) {
            to.push_back(count(rank, other));
            from.push_back(count(other, rank));
            out.insert(out.end(), to.back(), value(rank, other));
        }
        in.resize(std::accumulate(from.begin(), from.end(), std::size_t{0}));
    }
    static std::size_t count(int source, int destination) { return static_cast<std::size_t>(1 + source + 2 * destination); }
    int value(int source, int destination) const { return 100 * salt + 10 * source + destination; }
    bool is_right() const {
        std::size_t at = 0;
        for (std::size_t source = 0; source < from.size(); ++source)
            for (std::size_t i = 0; i < from[source]; ++i)
                if (in[at++] != value(static_cast<int>(source), rank)) return false;
        return true;
    }

    int rank, salt;
    std::vector<std::size_t> to, from;
    std::vector<int> out, in;
};

/// Rank 0 does `one` before `other`, the others the other way round.
template <class F, class G>
void in_opposite_orders(communicator const& comm, F one, G other) {
    if (comm.rank() == 0) one();
    other();
    if (comm.rank() != 0) one();
}

} // namespace

TEST_CASE("a start waits for nobody, whatever the ranks tell each other first", "[runtime/in_flight]") {
    for (bool const checked : {false, true})
        for (auto const& how : {choice(direct{}), choice(ring{}), choice(tree{}), choice(bruck{}), choice(hierarchical{{1, 2}})}) {
            CAPTURE(checked, to_string(how));
            CHECK_NOTHROW(run_threads(3, patient(checked), [&](communicator& world) {
                auto a = world.dup(), b = world.dup();
                std::vector<std::unique_ptr<uneven>> data;
                for (int i = 0; i < 140; ++i) data.push_back(std::make_unique<uneven>(world, i));
                std::vector<request> running;
                auto const start = [&](communicator& comm, std::size_t first) { // more than may be in flight
                    for (auto i = first; i < first + 70; ++i) {
                        auto const to = data[i]->to, from = data[i]->from; // may go when the start returns
                        running.push_back(async_all_to_all_v(comm, data[i]->out, to, data[i]->in, from, how));
                    }
                };
                in_opposite_orders(world, [&] { start(a, 0); }, [&] { start(b, 70); });
                for (auto& each : running) each.wait();
                for (auto const& each : data) require(each->is_right(), "wrong blocks");
            }));
        }
}

TEST_CASE("nor does the start of a persistent collective", "[runtime/persistent]") {
    for (bool const checked : {false, true})
        CHECK_NOTHROW(run_threads(3, patient(checked), [&](communicator& world) {
            auto a = world.dup(), b = world.dup();
            uneven x(world, 1), y(world, 2);
            persistent_request p, q;
            in_opposite_orders(world, [&] { p = persistent_all_to_all_v(a, x.out, x.to, x.in, x.from, ring{}); },
                               [&] { q = persistent_all_to_all_v(b, y.out, y.to, y.in, y.from, tree{}); });
            for (int round = 0; round < 3; ++round) {
                std::fill(x.in.begin(), x.in.end(), -1);
                in_opposite_orders(world, [&] { p.start(); }, [&] { q.start(); });
                q.wait();
                p.wait();
                require(x.is_right() && y.is_right(), "wrong blocks");
            }
        }));
}

TEST_CASE("in checked mode a request says that the calls differ, and all can go on", "[runtime/in_flight]") {
    CHECK_NOTHROW(run_threads(3, patient(true), [](communicator& comm) {
        std::vector<int> data(100, comm.rank()), more(10, 1);
        int told = 0;
        auto differs = async_all_reduce(comm, std::span(data).first(comm.rank() == 1 ? 99 : 100));
        auto fits = async_all_reduce(comm, more);
        differs.on_completion([&] { ++told; });
        fits.wait();
        require(outcome_of([&] { differs.wait(); }).has("calls do not match: rank " + std::to_string(comm.rank())), "not told");
        require(told == 1 && more[9] == 3 && data[0] == comm.rank(), "wrong data");
        auto again = persistent_all_reduce(comm, std::span(data).first(comm.rank() == 2 ? 99 : 100));
        for (int round = 0; round < 2; ++round) {
            again.start();
            require(outcome_of([&] { again.wait(); }).has("calls do not match"), "not told");
        }
        barrier(comm);
    }));
}

TEST_CASE("requests that nobody waits for cost the same each", "[runtime/in_flight]") {
    auto const seconds_of = [](std::size_t count) {
        auto const begin = std::chrono::steady_clock::now();
        run_threads(2, patient(), [&](communicator& comm) {
            std::vector<int> data(count, 1);
            std::vector<request> running;
            auto const peer = 1 - comm.rank();
            for (std::size_t i = 0; i < count; ++i) {
                std::span<int> const mine(&data[i], 1);
                if (i % 2 == 0) running.push_back(async_all_reduce(comm, mine));
                else running.push_back(comm.rank() == 0 ? async_send(comm, mine, peer) : async_recv(comm, mine, peer));
            }
            running.clear();
            require(std::accumulate(data.begin(), data.end(), std::size_t{0}) == count + count / 2, "wrong data");
        });
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    auto const few = std::max(0.02, seconds_of(2000));
    CHECK(seconds_of(20'000) < 40 * few); // a hundred times as long where each looks at all others
}
