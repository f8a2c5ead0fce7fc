/// Stores, and how ranks meet through them.

#include "support/ranks.hpp"
#include "support/seed.hpp"

#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/store.hpp>
#include <chorus/transport/store_server.hpp>
#include <chorus/transport/tcp_store.hpp>

#include <catch2/catch.hpp>

#include <poll.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

auto in(std::chrono::milliseconds time) { return chorus::clock::now() + time; }
constexpr std::chrono::seconds long_enough{20};

/// A folder that is gone with its scope.
struct folder {
    std::string path = std::filesystem::temp_directory_path() / "chorus-store-XXXXXX";
    folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;
    ~folder() { std::filesystem::remove_all(path); }
};

/// A server in a thread of its own.
class running_server {
public:
    explicit running_server(std::string const& tcp = "") : over_tcp_(tcp.empty() ? "" : server_.listen(tcp)), thread_([this] {
          while (!stop_) {
              std::vector<pollfd> files;
              server_.add_files(files);
              ::poll(files.data(), files.size(), 10);
              server_.serve();
          }
      }) {}
    running_server(running_server const&) = delete;
    running_server& operator=(running_server const&) = delete;
    ~running_server() {
        stop_ = true;
        thread_.join();
    }
    std::string const& address() const { return server_.address(); }
    std::string const& over_tcp() const { return over_tcp_; }

private:
    store_server server_;
    std::string over_tcp_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

template <store Store>
void keeps_its_promises(Store& one, Store& another) {
    CHECK(one.get("nothing", in(std::chrono::milliseconds(20))) == std::nullopt);
    one.set("short", "value");
    one.set("empty", "");
    one.set("bytes", std::string("a\n\0b", 4));
    one.set("long", std::string(4000, 'x'));
    CHECK(another.get("short", in(long_enough)) == "value");
    CHECK(another.get("empty", in(long_enough)) == "");
    CHECK(another.get("bytes", in(long_enough)) == std::string("a\n\0b", 4));
    CHECK(another.get("long", in(long_enough)) == std::string(4000, 'x'));
    std::thread late([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        one.set("late", "but there");
    });
    CHECK(another.get("late", in(long_enough)) == "but there");
    late.join();
}

/// Ranks as threads that meet through a store of their own each.
template <class Make>
std::vector<std::string> meet(int ranks, Make make) {
    std::vector<std::string> wrong(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank)
        threads.emplace_back([&, rank] {
            wrong[static_cast<std::size_t>(rank)] = outcome_of([&] {
                auto over = make();
                auto const transport = join_shm(over, rank, ranks, in(long_enough));
                if (transport->rank() != rank || transport->size() != ranks) throw std::runtime_error("not the rank that it is");
            }).text;
        });
    for (auto& each : threads) each.join();
    return wrong;
}

} // namespace

TEST_CASE("a folder is a store", "[transport/store]") {
    folder const where;
    file_store one(where.path), another(where.path);
    keeps_its_promises(one, another);
    file_store nowhere("/no/such/folder");
    CHECK(outcome_of([&] { nowhere.set("a", "b"); }).has("/no/such/folder"));
}

TEST_CASE("a server behind a socket is a store", "[transport/store]") {
    running_server const server;
    socket_store one(server.address()), another(server.address());
    keeps_its_promises(one, another);
    socket_store nobody("chorus-nobody");
    CHECK(outcome_of([&] { nobody.set("a", "b"); }).kind == "transport");
}

TEST_CASE("a server at a TCP port is a store, of IPv4 and IPv6, and the same one as behind the socket", "[transport/store]") {
    for (auto const* where : {"127.0.0.1:0/secret", "localhost:0/secret", "[::1]:0/secret"}) {
        CAPTURE(where);
        std::unique_ptr<running_server> server;
        auto const started = outcome_of([&] { server = std::make_unique<running_server>(where); });
        if (started.kind == "transport" && std::string_view(where).starts_with("[")) {
            WARN("SKIPPED: no IPv6 here: " << started.text);
            continue;
        }
        REQUIRE(started.text == "");
        tcp_store one(server->over_tcp()), another(server->over_tcp());
        keeps_its_promises(one, another);
        socket_store nearby(server->address());
        CHECK(nearby.get("late", in(long_enough)) == "but there");
    }
    tcp_store nobody("127.0.0.1:1/secret");
    auto const told = outcome_of([&] { nobody.get("a", in(std::chrono::milliseconds(30))); });
    CHECK(told.kind == "transport");
    CHECK(told.has("127.0.0.1:1"));
}

TEST_CASE("a rank may look for its server before that is there", "[transport/store]") {
    std::string address;
    {
        running_server const server("127.0.0.1:0/key");
        address = server.over_tcp();
    }
    std::string got;
    std::thread early([&] { got = tcp_store(address).get("a", in(long_enough)).value_or("nothing"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    running_server const server(address);
    tcp_store(address).set("a", "b");
    early.join();
    CHECK(got == "b");
}

TEST_CASE("addresses of TCP stores", "[transport/store]") {
    auto const place = detail::tcp_place::parse("[fe80::1]:4711/a-b_1");
    CHECK(place.host == "fe80::1");
    CHECK(place.port == 4711);
    CHECK(place.key == "a-b_1");
    for (auto const* wrong : {"", "host", "host:1", "host/key", "host:/key", ":1/key", "host:1/", "host:65536/key", "host:-1/key", "host:1x/key", "::1:5/key",
                              "host:1/key with spaces", "host:1/key/another"}) {
        CAPTURE(wrong);
        CHECK(outcome_of([&] { tcp_store{wrong}; }).kind == "usage");
    }
}

TEST_CASE("a server of a TCP store survives strangers", "[transport/store]") {
    auto const seed = test_seed();
    INFO("CHORUS_TEST_SEED=" << seed);
    std::mt19937_64 random(seed);
    running_server const server("127.0.0.1:0/key");
    auto const place = detail::tcp_place::parse(server.over_tcp());
    tcp_store good(server.over_tcp());
    good.set("kept", "value");
    auto stranger = place;
    stranger.key = "kez";
    tcp_store bad(detail::text({stranger.host, ":", stranger.port, "/", stranger.key}));
    CHECK(outcome_of([&] { bad.set("kept", "spoilt"); }).kind == "transport");
    CHECK(outcome_of([&] { bad.get("kept", in(long_enough)); }).kind == "transport");
    std::vector<detail::tcp_socket> silent;
    for (int i = 0; i < 300; ++i) {
        auto line = detail::tcp_socket::connect(place, in(long_enough));
        std::string noise(random() % 60, '\0');
        for (auto& each : noise) each = static_cast<char>(random());
        auto const frame = random() % 3;
        try {
            if (frame == 0) line.send(noise);
            else if (frame == 1) line.send(detail::text({"key\n", noise}));
            else ::send(line.get(), noise.data(), noise.size(), MSG_NOSIGNAL);
        } catch (transport_error const&) {
        }
        if (random() % 2 == 0) silent.push_back(std::move(line));
    }
    // Byte by byte is as good as at once.
    auto slow = detail::tcp_socket::connect(place, in(long_enough));
    std::string const question = "key\nget kept\n";
    auto const framed = std::string("\0\0\0", 3) + static_cast<char>(question.size()) + question;
    for (auto const each : framed) {
        REQUIRE(::send(slow.get(), &each, 1, MSG_NOSIGNAL) == 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(slow.receive(in(long_enough)) == "+value");
    CHECK(good.get("kept", in(long_enough)) == "value");
}

TEST_CASE("ranks meet through either store", "[transport/store]") {
    folder const where;
    for (auto const& each : meet(4, [&] { return file_store(where.path); })) CHECK(each == "");
    running_server const server;
    for (auto const& each : meet(5, [&] { return socket_store(server.address()); })) CHECK(each == "");
    running_server const far("127.0.0.1:0/key");
    for (auto const& each : meet(4, [&] { return tcp_store(far.over_tcp()); })) CHECK(each == "");
}

TEST_CASE("a rank that never comes is a timeout for those who do", "[transport/store]") {
    folder const where;
    file_store over(where.path);
    CHECK(outcome_of([&] { join_shm(over, 1, 2, in(std::chrono::milliseconds(50))); }).has("rank 0 has not come in time"));
    auto const told = outcome_of([&] { join_shm(over, 0, 3, in(std::chrono::milliseconds(50))); });
    CHECK(told.kind == "timeout");
    CHECK(told.has("1 of 3 ranks have come in time"));
}
