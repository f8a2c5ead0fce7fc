/// Ranks that never come, leave or throw; transports that break at any moment: everybody is told, nobody hangs, and no
/// memory is touched after a throw.

#include "support/decorated.hpp"
#include "support/ranks.hpp"

#include <chorus/algorithm/tags.hpp>
#include <chorus/runtime/collectives/exchanges.hpp>
#include <chorus/runtime/collectives/gathers.hpp>
#include <chorus/runtime/collectives/reductions.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

/// Blocks a rank outside of Chorus until others have finished, at most a while.
class gate {
public:
    void open() { open_ = true; }
    void wait() const {
        for (int i = 0; i < 5000 && !open_; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

private:
    std::atomic<bool> open_ = false;
};

} // namespace

TEST_CASE("a rank that never comes is named when the deadline passes", "[runtime/failure]") {
    for (auto const& how : {choice(ring{}), choice(tree{}), choice(recursive_doubling{}), choice(two_shot{})}) {
        gate others_are_done;
        std::atomic<int> done = 0;
        auto const all = outcomes(4, impatient(), [&](communicator& comm) {
            barrier(comm);
            if (comm.rank() == 3) {
                others_are_done.wait();
                return;
            }
            std::vector<int> data(1000, 1);
            auto const got = outcome_of([&] { all_reduce(comm, data, std::plus<>{}, how); });
            if (++done == 3) others_are_done.open();
            if (!got.kind.empty()) throw std::runtime_error("[" + got.kind + "] " + got.text);
        });
        INFO(texts(all));
        CHECK(all[3].kind == "");
        auto timeouts = 0;
        for (std::size_t r = 0; r < 3; ++r) {
            timeouts += all[r].has("[timeout]") ? 1 : 0;
            CHECK(all[r].has(
                "no progress for 400 ms: rank 3 never entered all_reduce #2; its last collective was #1, barrier"));
        }
        CHECK(timeouts >= 1);
    }
}

TEST_CASE("a message that nobody sends ends at the deadline", "[runtime/failure]") {
    gate done;
    auto const all = outcomes(2, impatient(), [&](communicator& comm) {
        if (comm.rank() == 1) return done.wait();
        std::vector<int> data(3);
        auto const got = outcome_of([&] { recv(comm, data, 1); });
        done.open();
        throw std::runtime_error("[" + got.kind + "] " + got.text);
    });
    INFO(texts(all));
    CHECK(all[0].has("[timeout] rank 0, send_recv"));
    CHECK(all[0].has("peer 1, 12 bytes: no progress for 400 ms: waiting for rank 1"));
}

TEST_CASE("what drove a rank away is told to the others", "[runtime/failure]") {
    auto const all = outcomes(2, patient(), [](communicator& comm) {
        std::vector<int> data(3);
        if (comm.rank() == 0) all_reduce(comm, data, std::vector<int>(2)); // a mistake of one rank
        recv(comm, data, 0);
    });
    INFO(texts(all));
    CHECK(all[0].kind == "usage");
    CHECK(all[1].text == "rank 1, send_recv (message), step 0, peer 0, 12 bytes: rank 0 gave up: all_reduce: the output has 2 elements, 3 are needed");
}

TEST_CASE("two ranks that wait for each other on different communicators reach the deadline", "[runtime/failure]") {
    auto const all = outcomes(2, impatient(), [&](communicator& a) {
        auto b = a.dup();
        barrier(a.rank() == 0 ? a : b);
    });
    INFO(texts(all));
    CHECK((all[0].kind == "timeout" || all[1].kind == "timeout"));
    CHECK((all[0].has("on another communicator") || all[1].has("on another communicator")));
}

TEST_CASE("an operator that throws releases everybody", "[runtime/failure]") {
    auto const run = [](bool everywhere, std::size_t n, auto call) {
        return outcomes(4, patient(), [=](communicator& comm) {
            std::vector<int> data(n, 1);
            auto const bad = commutative([throws = everywhere || comm.rank() == 1](int a, int b) {
                if (throws) throw std::domain_error("cannot fold these");
                return a + b;
            });
            call(comm, data, bad);
            barrier(comm);
        });
    };
    auto const check = [](std::vector<outcome> const& all, bool everywhere) {
        INFO(texts(all));
        CHECK(all[1].text.find("cannot fold these") != std::string::npos);
        for (auto const& one : all) {
            CHECK(one.has("cannot fold these"));
            if (!everywhere && &one != &all[1]) CHECK(one.has("rank 1 gave up"));
        }
    };
    for (std::size_t const n : {3u, 30'000u})
        for (bool const everywhere : {false, true})
            for (auto const& how : {choice(ring{}), choice(two_shot{}), choice(recursive_doubling{})}) {
                CAPTURE(n, everywhere, to_string(how));
                check(run(everywhere, n,
                          [&](auto& comm, auto& data, auto const& op) { all_reduce(comm, data, op, how); }),
                      everywhere);
                check(
                    run(everywhere, n,
                        [&](auto& comm, auto& data, auto const& op) { async_all_reduce(comm, data, op, how).wait(); }),
                    everywhere);
                check(run(everywhere, n,
                          [&](auto& comm, auto& data, auto const& op) {
                              auto again = persistent_all_reduce(comm, data, op, how);
                              again.start();
                              again.wait();
                          }),
                      everywhere);
            }
}

TEST_CASE("a failed context throws its first failure again", "[runtime/failure]") {
    std::vector<std::string> problems(2);
    static_cast<void>(outcomes(2, patient(), [&](communicator& comm) {
        std::vector<int> data(100, 1);
        auto other = comm.dup();
        auto again = persistent_all_reduce(other, data);
        auto const bad = commutative([](int, int) -> int { throw std::domain_error("first"); });
        std::vector<outcome> got;
        got.push_back(outcome_of([&] { all_reduce(comm, data, bad, two_shot{}); }));
        got.push_back(outcome_of([&] { barrier(comm); }));
        got.push_back(outcome_of([&] { broadcast(other, data, 0); }));
        got.push_back(outcome_of([&] { again.start(); }));
        got.push_back(outcome_of([&] { other.dup(); }));
        got.push_back(outcome_of([&] { send(comm, data, 1 - comm.rank()); }));
        got.push_back(outcome_of([&] { comm.progress(); }));
        for (auto const& each : got)
            if (each.text != got.front().text || each.kind != got.front().kind || !each.has("first"))
                problems[static_cast<std::size_t>(comm.rank())] = each.text;
    }));
    CHECK(problems == std::vector<std::string>(2));
}

TEST_CASE("after a failure the survivors shrink and go on", "[runtime/failure][shrink]") {
    std::vector<int> sums(4, -1);
    auto const result = outcome_of([&] {
        run_threads(4, patient(), [&](communicator& world) {
            auto const self = world.rank();
            std::vector<int> data(2000, 1);
            if (self == 1) throw std::runtime_error("I am leaving");
            auto const failed = outcome_of([&] {
                for (;;) all_reduce(world, data);
            });
            if (failed.kind != "transport") throw std::logic_error(failed.text);
            auto rest = world.shrink();
            if (rest.size() != 3) throw std::logic_error("wrong survivors");
            std::vector<int> ranks(2000, self);
            all_reduce(rest, ranks);
            auto halves = rest.split(rest.rank() % 2);
            barrier(halves);
            sums[static_cast<std::size_t>(self)] = ranks[1999];
        });
    });
    CHECK(result.text == "rank 1: I am leaving");
    CHECK(sums == std::vector<int>{5, -1, 5, 5});
}

// ---- fault injection

namespace {

struct victim_call {
    char const* name;
    std::function<void(communicator&, std::vector<int>&, std::vector<int>&)> run;
};

std::vector<victim_call> const calls{
    {"ring all_reduce", [](auto& comm, auto& a, auto&) { all_reduce(comm, a, std::plus<>{}, ring{}); }},
    {"two-shot all_reduce in segments",
     [](auto& comm, auto& a, auto& b) { all_reduce(comm, a, b, std::plus<>{}, two_shot{2}); }},
    {"direct all_to_all", [](auto& comm, auto& a, auto& b) { all_to_all(comm, a, b, direct{}); }},
    {"bruck all_gather",
     [](auto& comm, auto& a, auto& b) { all_gather(comm, std::span(a).first(a.size() / 3), b, bruck{}); }},
    {"chain broadcast", [](auto& comm, auto& a, auto&) { broadcast(comm, a, 1, chain{3}); }},
    {"barrier", [](auto& comm, auto&, auto&) { barrier(comm); }},
    {"two at a time",
     [](auto& comm, auto& a, auto& b) {
         auto first = async_all_reduce(comm, a, std::plus<>{}, tree{});
         auto second = async_all_gather(comm, std::span(b), ring{});
         second.wait();
         first.wait();
     }},
    {"split and messages",
     [](auto& comm, auto& a, auto& b) {
         auto other = comm.split(0, -comm.rank());
         auto const next = (other.rank() + 1) % other.size(), prev = (other.rank() + other.size() - 1) % other.size();
         auto incoming = async_recv(other, b, prev);
         send(other, a, next);
         incoming.wait();
     }},
};

/// What went wrong when operation `at` of rank `victim` failed; `happened` says whether it came to that.
std::string inject(victim_call const& call, int victim, failure_plan plan, dress under, std::size_t n, bool& happened) {
    std::vector<std::string> problems(3);
    std::vector<outcome> all(3);
    auto const make = [&](std::shared_ptr<detail::thread_hub> const& hub, int rank) {
        auto plain = std::make_unique<threads_transport>(hub, rank);
        auto const when = rank == victim ? plan : failure_plan{};
        if (under == dress::rendezvous)
            return any_transport::own(
                std::make_unique<failing<rendezvous<threads_transport>>>(wear<rendezvous>(std::move(plain)), when));
        if (under == dress::unviewed)
            return any_transport::own(
                std::make_unique<failing<unviewed<threads_transport>>>(wear<unviewed>(std::move(plain)), when));
        return any_transport::own(std::make_unique<failing<threads_transport>>(std::move(plain), when));
    };
    options how;
    how.timeout = std::chrono::seconds(10);
    auto const whole = outcome_of([&] {
        detail::run_ranks(3, how, make, [&](communicator& comm) {
            auto const self = static_cast<std::size_t>(comm.rank());
            std::vector<int> a(n, 1), b(n, 2);
            try {
                call.run(comm, a, b);
                barrier(comm);
            } catch (departure const& e) {
                all[self] = {"departure", e.what()};
            } catch (...) {
                all[self] = outcome_of([] { throw; });
            }
            if (all[self].kind.empty()) return;
            std::fill(a.begin(), a.end(), 77); // the memory is ours again
            std::fill(b.begin(), b.end(), 78);
            std::this_thread::sleep_for(std::chrono::microseconds(500));
            auto const still = [](std::vector<int> const& data, int what) {
                return std::all_of(data.begin(), data.end(), [what](int x) { return x == what; });
            };
            if (!still(a, 77) || !still(b, 78)) problems[self] = "memory was written after the throw";
            throw std::runtime_error("ended");
        });
    });
    happened = !all[static_cast<std::size_t>(victim)].kind.empty();
    for (auto const& each : problems)
        if (!each.empty()) return each;
    for (auto const& each : all)
        if (each.kind != "" && each.kind != "transport" && each.kind != "departure") return texts(all);
    return {};
}

void inject_everywhere(dress under, std::size_t n) {
    for (auto const& call : calls)
        for (auto const kind : {failure_plan::kind::breaks, failure_plan::kind::leaves})
            for (int victim = 0; victim < 3; ++victim) {
                auto happened = true;
                auto at = std::uint64_t{0};
                while (happened && at < 300) {
                    ++at;
                    auto const wrong = inject(call, victim, {kind, at}, under, n, happened);
                    if (wrong.empty()) continue;
                    CAPTURE(call.name, victim, at, kind == failure_plan::kind::breaks);
                    CHECK(wrong == "");
                    break;
                }
                CAPTURE(call.name, at);
                CHECK(at > 4); // it did hit something
                CHECK(at < 300);
            }
}

} // namespace

TEST_CASE("a transport that fails at any operation ends every rank in order", "[runtime/fault_injection]") {
    inject_everywhere(dress::plain, 9);
    inject_everywhere(dress::plain, 3000);
}

TEST_CASE("the same where sends wait for receives, and messages are copied", "[runtime/fault_injection][long]") {
    for (auto const under : {dress::rendezvous, dress::unviewed})
        for (std::size_t const n : {9u, 3000u}) inject_everywhere(under, n);
}
