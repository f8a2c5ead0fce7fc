/// The side channel: control messages over TCP, between ranks that are threads' worth of objects in this one.

#include "support/seed.hpp"

#include <chorus/transport/detail/side_channel.hpp>
#include <chorus/transport/store.hpp>

#include <catch2/catch.hpp>

#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;
using detail::side_channel;

namespace {

/// A store in this process.
struct memory_store {
    std::map<std::string, std::string, std::less<>>* known;
    std::mutex* guard;
    void set(std::string_view name, std::string_view value) {
        std::scoped_lock const lock(*guard);
        (*known)[std::string(name)] = value;
    }
    std::optional<std::string> get(std::string_view name, chorus::clock::time_point until) {
        for (;;) {
            {
                std::scoped_lock const lock(*guard);
                if (auto const found = known->find(name); found != known->end()) return found->second;
            }
            if (chorus::clock::now() > until) return std::nullopt;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
};

struct job {
    std::map<std::string, std::string, std::less<>> known;
    std::mutex guard;
    std::vector<std::unique_ptr<side_channel>> ranks;

    explicit job(int size, std::vector<std::string> addresses = {}) : ranks(static_cast<std::size_t>(size)) {
        addresses.resize(ranks.size(), "127.0.0.1");
        std::vector<std::thread> all;
        for (int rank = 0; rank < size; ++rank)
            all.emplace_back([&, rank] {
                memory_store store{&known, &guard};
                ranks[static_cast<std::size_t>(rank)] =
                    std::make_unique<side_channel>(store, rank, size, chorus::clock::now() + std::chrono::seconds(10), "side",
                                                   addresses[static_cast<std::size_t>(rank)]);
            });
        for (auto& each : all) each.join();
    }
    side_channel& operator[](int rank) { return *ranks[static_cast<std::size_t>(rank)]; }
    std::uint16_t port_of(int rank) { return static_cast<std::uint16_t>(std::stoi(known.at("side." + std::to_string(rank)))); }
};

std::vector<std::byte> bytes_of(std::string const& text) {
    auto const* const begin = reinterpret_cast<std::byte const*>(text.data());
    return {begin, begin + text.size()};
}
using inbox = std::vector<std::string>;
void read(side_channel& of, inbox& into) {
    of.poll([&](int from, std::span<std::byte const> what) {
        into.push_back(std::to_string(from) + ":" + std::string(reinterpret_cast<char const*>(what.data()), what.size()));
    });
}
/// Polls all until that holds, a few seconds at most.
template <class Done>
bool until(job& all, std::vector<inbox>& into, Done done) {
    for (auto const end = chorus::clock::now() + std::chrono::seconds(5); chorus::clock::now() < end;) {
        for (std::size_t i = 0; i < all.ranks.size(); ++i)
            if (all.ranks[i]) read(*all.ranks[i], into[i]);
        if (done()) return true;
    }
    return false;
}

int connect_to(std::uint16_t port) {
    auto const where = detail::side_address::parse("127.0.0.1", port);
    auto const file = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::connect(file, where.get(), where.length) == 0);
    return file;
}

} // namespace

TEST_CASE("ranks that share an address are on one host") {
    job ranks(4, {"127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.12"});
    CHECK(ranks[0].ranks_here() == 2);
    CHECK(ranks[1].ranks_here() == 1);
    CHECK(ranks[2].ranks_here() == 2);
    CHECK(ranks[3].ranks_here() == 1);
}

TEST_CASE("messages arrive in order, whoever opens and whenever", "[transport/side_channel]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    job all(4);
    std::vector<inbox> got(4), expected(4);
    for (int i = 0; i < 300; ++i) {
        auto const from = static_cast<int>(random() % 4), to = static_cast<int>((static_cast<unsigned>(from) + 1 + random() % 3) % 4);
        std::string const text(random() % 3 == 0 ? 4096 : random() % 20, static_cast<char>('a' + i % 26));
        all[from].open(to);
        all[to].open(from); // both ends want it; the lower rank connects
        all[from].send(to, bytes_of(text));
        expected[static_cast<std::size_t>(to)].push_back(std::to_string(from) + ":" + text);
    }
    CHECK(until(all, got, [&] {
        for (std::size_t i = 0; i < 4; ++i)
            if (got[i].size() != expected[i].size()) return false;
        return true;
    }));
    for (std::size_t i = 0; i < 4; ++i) // between two of them in order; between senders in any
        for (char const from : {'0', '1', '2', '3'}) {
            auto const of = [&](inbox const& some) {
                inbox chosen;
                for (auto const& each : some)
                    if (each[0] == from) chosen.push_back(each);
                return chosen;
            };
            CHECK(of(got[i]) == of(expected[i]));
        }
}

TEST_CASE("the end of a rank is seen by those who were connected, after its last words", "[transport/side_channel]") {
    job all(3);
    std::vector<inbox> got(3);
    for (int const other : {0, 2}) {
        all[other].open(1);
        all[1].open(other);
        all[other].send(1, bytes_of("hello"));
    }
    REQUIRE(until(all, got, [&] { return got[1].size() == 2; }));
    all[1].send(0, bytes_of("farewell"));
    all[1].flush(chorus::clock::now() + std::chrono::seconds(1));
    all.ranks[1].reset();
    CHECK(until(all, got, [&] { return all[0].closed(1) && all[2].closed(1); }));
    CHECK(got[0] == inbox{"1:farewell"});
    CHECK_FALSE(all[0].why_closed(1).empty());
    CHECK_FALSE(all[0].closed(2));
    all[0].send(1, bytes_of("to nobody")); // harmless
}

TEST_CASE("strangers and nonsense do not disturb a job", "[transport/side_channel]") {
    auto const seed = test_seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    job all(2), foreign(2);
    std::vector<inbox> got(2);
    std::vector<int> files;
    for (int i = 0; i < 40; ++i) {
        files.push_back(connect_to(all.port_of(1)));
        std::vector<unsigned char> noise(random() % 200);
        for (auto& each : noise) each = static_cast<unsigned char>(random());
        if (i % 4 == 0 && noise.size() >= 8) { // the right beginning, rank 0, a wrong key
            std::uint32_t const start[] = {0x43485243, 0};
            std::memcpy(noise.data(), start, sizeof start);
        }
        if (!noise.empty()) CHECK(::send(files.back(), noise.data(), noise.size(), MSG_NOSIGNAL) > 0);
    }
    read(all[1], got[1]);
    all[0].open(1);
    all[0].send(1, bytes_of("among friends"));
    CHECK(until(all, got, [&] { return !got[1].empty(); }));
    CHECK(got[1] == inbox{"0:among friends"});
    CHECK_FALSE(all[1].closed(0));
    for (auto const each : files) ::close(each);
}

TEST_CASE("a rank that does not come is named", "[transport/side_channel]") {
    std::map<std::string, std::string, std::less<>> known;
    std::mutex guard;
    memory_store store{&known, &guard};
    CHECK_THROWS_WITH(side_channel(store, 0, 2, chorus::clock::now() + std::chrono::milliseconds(50), "side", "127.0.0.1"),
                      Catch::Contains("rank 1 of 2 has not come in time"));
    known["side.1"] = "no address";
    CHECK_THROWS_WITH(side_channel(store, 0, 2, chorus::clock::now(), "side", "127.0.0.1"), Catch::Contains("no address of rank 1"));
    CHECK_THROWS_WITH(side_channel(store, 0, 2, chorus::clock::now(), "side", "localhost"), Catch::Contains("no IPv4 or IPv6 address"));
}
