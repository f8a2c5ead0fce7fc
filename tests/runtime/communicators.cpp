/// split, dup, sub-groups, and how long communicators and requests live.

#include "support/shm_ranks.hpp"

#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>
#include <chorus/runtime/context.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

void require(bool holds, char const* what) {
    if (!holds) throw std::runtime_error(what);
}
/// The world ranks of the members, gathered over the communicator.
std::vector<int> members(communicator& comm, int world_rank) {
    std::array<int, 1> const mine{world_rank};
    std::vector<int> all(static_cast<std::size_t>(comm.size()));
    all_gather(comm, mine, all);
    return all;
}

} // namespace

TEST_CASE("split orders by key, then by rank", "[runtime/communicators]") {
    CHECK_NOTHROW(run_threads(6, patient(), [](communicator& world) {
        auto const r = world.rank();
        auto by_parity = world.split(r % 2, -r);
        require(members(by_parity, r) == (r % 2 == 0 ? std::vector{4, 2, 0} : std::vector{5, 3, 1}), "wrong members");
        require(by_parity.world_rank(0) == (r % 2 == 0 ? 4 : 5), "wrong world rank");
        auto equal_keys = world.split(7, 3);
        require(members(equal_keys, r) == std::vector{0, 1, 2, 3, 4, 5}, "equal keys keep the order");
        auto nested = by_parity.split(by_parity.rank() == 0 ? 0 : 1);
        require(nested.size() == (r >= 4 ? 1 : 2), "wrong size of a split of a split");
        require(members(nested, r).front() == nested.world_rank(0), "wrong world rank of a split of a split");
    }));
}

TEST_CASE("ranks without colour, and ranks outside of a sub-group, get nothing", "[runtime/communicators]") {
    CHECK_NOTHROW(run_threads(5, patient(), [](communicator& world) {
        auto const r = world.rank();
        auto some = world.split(r < 2 ? 0 : communicator::no_color);
        require(some.valid() == (r < 2) && some.size() == (r < 2 ? 2 : 0), "colourless ranks take part only");
        auto chosen = world.subgroup(std::array{4, 0, 2});
        if (r % 2 == 0)
            require(members(chosen, r) == std::vector{4, 0, 2}, "a sub-group is in the order that was given");
        else
            require(!chosen.valid() && chosen.rank() == -1, "outsiders get an invalid communicator");
        auto none = world.subgroup(std::span<int const>());
        require(!none.valid(), "an empty sub-group is nobody's");
        require(outcome_of([&] { (void)world.world_rank(5); }).kind == "usage", "there is no rank 5");
        barrier(world);
    }));
}

TEST_CASE("members of a sub-group must name the same list", "[runtime/communicators][misuse]") {
    CHECK_NOTHROW(run_threads(5, patient(), [](communicator& world) {
        auto const r = world.rank();
        auto const refused = [&](std::vector<int> const& list) {
            auto const result = outcome_of([&] { (void)world.subgroup(list); });
            return result.kind == "usage" && result.has("name the same list");
        };
        require(refused(r == 3 ? std::vector{3, 2, 1, 0, 4} : std::vector{0, 1, 2, 3, 4}), "another order is another list");
        require(refused(r == 0 ? std::vector{0, 1} : std::vector{0, 1, 2, 3, 4}), "a part is another list");
        auto halves = world.subgroup(r < 2 ? std::vector{0, 1} : std::vector{4, 3, 2});
        require(members(halves, r) == (r < 2 ? std::vector{0, 1} : std::vector{4, 3, 2}), "lists apart are groups apart");
        barrier(world);
    }));
}

TEST_CASE("a communicator of nobody refuses every use", "[runtime/communicators][misuse]") {
    communicator nobody;
    std::vector<int> data(4), other(4);
    auto const refused = [&](auto call) {
        auto const result = outcome_of(call);
        return result.kind == "usage" && result.has("not a member");
    };
    CHECK(refused([&] { all_reduce(nobody, data); }));
    CHECK(refused([&] { all_gather(nobody, data); }));
    CHECK(refused([&] { all_to_all(nobody, data, other); }));
    CHECK(refused([&] { broadcast(nobody, data, 0); }));
    CHECK(refused([&] { gather(nobody, data, other); }));
    CHECK(refused([&] { send(nobody, data, 0); }));
    CHECK(refused([&] { barrier(nobody); }));
    CHECK(refused([&] { nobody.split(0); }));
    CHECK(refused([&] { nobody.progress(); }));
    CHECK(refused([&] { (void)nobody.world_rank(0); }));
    CHECK(refused([&] { (void)nobody.shared_context(); }));
}

TEST_CASE("numbers of communicators are used again, also by unequal histories", "[runtime/communicators]") {
    CHECK_NOTHROW(run_threads(4, patient(), [](communicator& world) {
        auto const r = world.rank();
        auto kept = world.split(r / 2); // two disjoint groups share a number
        std::optional<communicator> inner;
        if (r < 2) inner.emplace(kept.dup()); // only half of the ranks use one more
        for (int i = 0; i < 1500; ++i) {      // more than there are numbers
            auto passing = world.split((r + i) % 2);
            if (i % 100 == 0) {
                std::vector<int> data{1};
                all_reduce(passing, data);
                require(data[0] == 2, "wrong sum on a reused number");
            }
        }
        std::vector<int> data{1};
        all_reduce(kept, data);
        require(data[0] == 2, "wrong sum on an old communicator");
        if (inner) {
            all_reduce(*inner, data);
            require(data[0] == 4, "wrong sum on an inner communicator");
        }
    }));
}

TEST_CASE("a message that nobody received is not taken for one of a later communicator", "[runtime/communicators]") {
    auto const body = [](communicator& world) {
        for (int turn = 1; turn <= 3; ++turn) {
            std::vector<int> lost(4, -1), sent(4, turn), got(4);
            auto first = world.dup();
            if (world.rank() == 0) send(first, lost, 1);
            barrier(first);
            first = {};
            auto second = world.dup();
            if (world.rank() == 0) send(second, sent, 1);
            else recv(second, got, 0);
            if (world.rank() == 1 && got != sent) throw std::runtime_error("got " + std::to_string(got[0]));
        }
    };
    run_threads(2, patient(), body);
    for (auto const& wrong : run_shm_threads(2, patient(), body)) CHECK(wrong == "");
}

TEST_CASE("too many communicators at once are refused", "[runtime/communicators][misuse]") {
    auto const all = outcomes(2, patient(), [](communicator& world) {
        std::vector<communicator> many;
        for (int i = 0; i < 1100; ++i) many.push_back(world.dup());
    });
    CHECK(all[0].kind == "usage");
    CHECK(all[0].has("more than 1023 communicators"));
}

TEST_CASE("a request outlives its communicator", "[runtime/requests]") {
    CHECK_NOTHROW(run_threads(3, patient(), [](communicator& world) {
        std::vector<int> data(10'000, world.rank()), again(10, 1);
        request running;
        persistent_request repeated;
        {
            auto passing = world.dup();
            running = async_all_reduce(passing, data);
            repeated = persistent_all_reduce(passing, again);
        }
        auto other = world.dup(); // must not get the number of one that is still in use
        std::vector<int> elsewhere(10'000, 1);
        all_reduce(other, elsewhere);
        running.wait();
        repeated.start();
        repeated.wait();
        require(data[9999] == 3 && elsewhere[0] == 3 && again[9] == 3, "wrong sum");
    }));
}

TEST_CASE("requests can be moved, replaced and destroyed unfinished", "[runtime/requests]") {
    CHECK_NOTHROW(run_threads(3, patient(), [](communicator& comm) {
        std::vector<std::vector<int>> data(5, std::vector<int>(20'000, 1));
        {
            auto a = async_all_reduce(comm, data[0]);
            auto b = std::move(a);
            require(!a.valid() && b.valid(), "moved from");
            a.wait();                            // nothing to wait for
            b = async_all_reduce(comm, data[1]); // waits for the first
            require(data[0][19'999] == 3, "replaced requests are finished");
            std::vector<request> more;
            more.push_back(async_all_reduce(comm, data[2]));
            more.push_back(async_all_reduce(comm, data[3]));
            b = std::move(more[1]);
        } // destroyed: waited for
        for (int i = 1; i < 4; ++i)
            require(data[static_cast<std::size_t>(i)][0] == 3, "destroyed requests are finished");
        auto p = persistent_all_reduce(comm, data[4]);
        p.start();
        auto q = std::move(p);
        require(!p.valid(), "moved from");
        q.wait();
        require(data[4][5] == 3, "moved persistent collectives go on");
        q.start();
    }));
}

TEST_CASE("a finished request may outlive its session, an unfinished one is told so", "[runtime/requests][misuse]") {
    std::vector<int> data(4, 1), large(1000, 1);
    request finished, unfinished;
    persistent_request idle;
    std::optional<communicator> outliving;
    auto const wrong = outcome_of([&] {
        run_threads(2, patient(), [&](communicator& comm) {
            std::vector<int> mine(4, 1);
            if (comm.rank() == 0) {
                finished = async_all_reduce(comm, data);
                while (!finished.test()) std::this_thread::yield();
                outliving.emplace(comm.dup());
                idle = persistent_all_reduce(*outliving, data);
                finished = async_broadcast(*outliving, data, 0);
            } else {
                all_reduce(comm, mine);
                auto other = comm.dup();
                auto same = persistent_all_reduce(other, mine);
                broadcast(other, mine, 0);
            }
        });
    });
    CHECK(wrong.text == "");
    CHECK_NOTHROW(finished.wait());
    auto const late = outcome_of([&] { idle.start(); });
    CHECK(late.kind == "usage");
    CHECK(late.has("session"));
    CHECK(outcome_of([&] { all_reduce(*outliving, data); }).has("session of this communicator or request has ended"));

    auto const told = outcome_of([&] {
        run_threads(2, patient(), [&](communicator& comm) {
            std::vector<int> mine(1000, 1);
            if (comm.rank() == 0)
                unfinished = async_all_reduce(comm, large);
            else
                all_reduce(comm, mine, std::plus<>{}, choice{});
        });
    });
    CHECK(told.kind == "other");
    CHECK(told.has("rank 0"));
    CHECK(told.has("unfinished requests"));
    auto const after = outcome_of([&] { unfinished.wait(); });
    CHECK(after.kind == "usage");
    CHECK(after.has("session of this communicator or request has ended"));
    CHECK_FALSE(unfinished.valid());
}

TEST_CASE("calls of one shape work on the buffers of each call", "[runtime/programs]") {
    for (auto const count : {std::size_t{3}, std::size_t{40'000}}) // messages first, and what is local first
        CHECK_NOTHROW(run_threads(3, patient(), [&](communicator& comm) {
            auto const r = comm.rank();
            std::vector<std::vector<int>> in(2, std::vector<int>(count)), out(2, std::vector<int>(3 * count));
            for (int k = 0; k < 8; ++k) { // by turns another input and another output
                auto& from = in[static_cast<std::size_t>((k + 1) / 2 % 2)];
                auto& to = out[static_cast<std::size_t>(k / 2 % 2)];
                from.assign(count, 10 * k + r);
                for (auto& each : out) each.assign(3 * count, -1);
                all_gather(comm, from, to);
                for (std::size_t i = 0; i < 3 * count; ++i) require(to[i] == 10 * k + static_cast<int>(i / count), "not what was sent");
                for (auto const each : out[static_cast<std::size_t>(1 - k / 2 % 2)]) require(each == -1, "written to the buffer of another call");
            }
        }));
}

TEST_CASE("the cache of programs is bounded", "[runtime/programs]") {
    std::size_t most = 0;
    CHECK_NOTHROW(run_threads(2, patient(), [&](communicator& comm) {
        std::vector<int> data(2, 1);
        for (int radix = 2; radix <= 700; ++radix) all_to_all(comm, data, bruck{radix});
        all_to_all(comm, data, bruck{3}); // forgotten by now, recorded again
        if (comm.rank() == 0) most = comm.shared_context()->programs();
    }));
    CHECK(most <= 512);
}
